"""What is said of two given files is what was found, in words that say no more than that."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from eval.compare import Comparison, holm
from eval.csv_tables import write_own_tables
from eval.own_files import read_rows
from eval.own_models import wanted_of
from eval.own_split import OwnEvaluation, Terms, evaluate_own
from eval.own_table import as_data, rendered
from recsys.ranking.making import Steps

BEST = "best-sellers"
MODELS = ("item_neighbours", "als:factors=2", "popularity")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> OwnEvaluation:
    """Sixty customers of two camps, who take half of what they had again; lists of 5 and 10."""
    folder, rng = tmp_path_factory.mktemp("camps"), np.random.default_rng(0)
    train, test = [], []
    for user in range(60):
        items = rng.permutation(np.arange(user % 2, 40, 2))
        train += [f"u{user},i{item}" for item in items[:8] for _ in range(2)]
        test += [f"u{user},i{item}" for item in items[6:10]]
    files = folder / "train.csv", folder / "test.csv"
    for file, rows in zip(files, (train, test), strict=True):
        file.write_text("\n".join(["user,item", *rows]) + "\n")
    known, later = (read_rows(file, ()) for file in files)
    return evaluate_own(known, later, wanted_of(MODELS), Terms((5, 10), "keep", 0), folder / "made", Steps())


def told(found: OwnEvaluation) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(rendered(found))
    return capture.get()


def judged(found: OwnEvaluation, comparison: Comparison) -> OwnEvaluation:
    """The same, item_neighbours with another outcome against the best-sellers."""
    entries = [
        replace(entry, against={BEST: comparison}) if entry.name == "item_neighbours" else entry
        for entry in found.entries
    ]
    return replace(found, entries=entries)


def test_every_verdict_is_given_among_all_models_with_the_same_baseline(found: OwnEvaluation) -> None:
    models = [entry for entry in found.entries if entry.kind == "model"]
    for rival in (BEST, "own frequency"):
        chances = [entry.against[rival].p for entry in models]
        assert [entry.against[rival].p_holm for entry in models] == holm(chances)
        assert any(entry.against[rival].p_holm > entry.against[rival].p for entry in models)


def test_a_verdict_is_about_the_length_that_is_spoken_of_and_the_data_say_so(found: OwnEvaluation) -> None:
    data = json.loads(json.dumps(as_data(found)))
    assert data["protocol"]["compared_in"] == "ndcg@10"
    means = {told["name"]: told["metrics"]["ndcg@10"]["mean"] for told in data["models"]}
    for told in data["models"]:
        for rival, against in told["against"].items():
            assert against["metric"] == "ndcg@10"
            assert against["difference"] == pytest.approx(means[told["name"]] - means[rival])


def test_the_data_and_the_tables_give_the_verdict_in_words(found: OwnEvaluation, tmp_path: Path) -> None:
    words = {
        (told["name"], rival): against["words"]
        for told in as_data(found)["models"]
        for rival, against in told["against"].items()
    }
    assert words["item_neighbours", BEST].startswith("better by ")
    assert words["popularity", BEST] == "cannot tell"
    paths = {path.stem: path for path in write_own_tables(found, tmp_path)}
    rows = pl.read_csv(paths["comparisons"])
    assert {(row["list"], row["against"]): row["words"] for row in rows.iter_rows(named=True)} == words
    assert rows["metric"].unique().to_list() == ["ndcg@10"]
    assert (rows["p_holm"] >= rows["p"]).all()


@pytest.mark.parametrize(
    ("comparison", "words", "is_worse"),
    [
        (Comparison(0.30, 0.25, 0.01, 0.02, 60, 0.001, 0.001), "better by 4-8 %", False),
        (Comparison(0.26, 0.25, -0.01, 0.02, 60, 0.3, 0.3), "cannot tell", False),
        (Comparison(0.26, 0.25, 0.001, 0.02, 60, 0.04, 0.12), "cannot tell", False),
        (Comparison(0.20, 0.25, -0.06, -0.02, 20, 0.001, 0.001), "too few customers to tell", False),
        (Comparison(0.20, 0.25, -0.05, -0.025, 60, 0.001, 0.001), "worse by 10-20 %", True),
    ],
)
def test_only_what_is_worse_is_told_not_to_beat_the_best_sellers(
    found: OwnEvaluation, comparison: Comparison, words: str, is_worse: bool
) -> None:
    text = told(judged(found, comparison))
    assert f"than best-sellers: {words} (" in text
    assert ("item_neighbours does not beat the best-sellers here." in text) == is_worse
    assert "popularity does not beat" not in text
