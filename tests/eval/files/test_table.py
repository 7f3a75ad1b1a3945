"""The tables, data and CSV files of an evaluation of files give its figures and verdicts."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from eval.export.csv import write_file_tables
from eval.export.outputs import TABLES
from eval.files.loader import read_rows
from eval.files.model_args import model_requests
from eval.files.results import FileEvaluation, FileTerms
from eval.files.run import evaluate_files
from eval.files.table import as_data, rendered
from eval.metrics.accuracy import METRICS, match, mean
from eval.report.builders.files import build_report
from eval.stats.paired import Comparison, holm
from recsys.progress import StepLog

BEST = "best-sellers"
MODELS = ("item_neighbours", "als:factors=2", "popularity")


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> FileEvaluation:
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
    return evaluate_files(
        known, later, model_requests(MODELS), FileTerms((5, 10), "keep", 0), folder / "made", StepLog()
    )


def printed(evaluation: FileEvaluation) -> str:
    console = Console(width=400)
    with console.capture() as capture:
        console.print(rendered(evaluation))
    return capture.get()


def with_comparison(evaluation: FileEvaluation, comparison: Comparison) -> FileEvaluation:
    """The same, item_neighbours with another outcome against the best-sellers."""
    entries = [
        replace(entry, against={BEST: comparison}) if entry.name == "item_neighbours" else entry
        for entry in evaluation.entries
    ]
    return replace(evaluation, entries=entries)


def test_every_verdict_is_given_among_all_models_with_the_same_baseline(evaluation: FileEvaluation) -> None:
    models = [entry for entry in evaluation.entries if entry.kind == "model"]
    for baseline in (BEST, "own frequency"):
        chances = [entry.against[baseline].p for entry in models]
        assert [entry.against[baseline].p_holm for entry in models] == holm(chances)
        assert any(entry.against[baseline].p_holm > entry.against[baseline].p for entry in models)


def test_a_verdict_is_about_the_length_that_is_spoken_of_and_the_data_say_so(evaluation: FileEvaluation) -> None:
    data = json.loads(json.dumps(as_data(evaluation)))
    assert data["protocol"]["compared_in"] == "ndcg@10"
    means = {model["name"]: model["metrics"]["ndcg@10"]["mean"] for model in data["models"]}
    for model in data["models"]:
        for baseline, against in model["against"].items():
            assert against["metric"] == "ndcg@10"
            assert against["difference"] == pytest.approx(means[model["name"]] - means[baseline])


def test_the_data_and_the_tables_give_the_verdict_in_words(evaluation: FileEvaluation, tmp_path: Path) -> None:
    words = {
        (model["name"], baseline): against["words"]
        for model in as_data(evaluation)["models"]
        for baseline, against in model["against"].items()
    }
    assert words["item_neighbours", BEST].startswith("better by ")
    assert words["popularity", BEST] == "cannot tell"
    paths = {path.stem: path for path in write_file_tables(evaluation, tmp_path)}
    assert paths.keys() <= set(TABLES)
    rows = pl.read_csv(paths["comparisons"]).filter(task="all", slice="all")
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
    evaluation: FileEvaluation, comparison: Comparison, words: str, is_worse: bool
) -> None:
    text = printed(with_comparison(evaluation, comparison))
    assert f"than best-sellers: {words} (" in text
    assert ("item_neighbours does not beat the best-sellers here." in text) == is_worse
    assert "popularity does not beat" not in text


def test_what_was_taken_again_and_what_was_new_are_judged_apart(evaluation: FileEvaluation, tmp_path: Path) -> None:
    again, new = (evaluation.users.held_back.only(some) for some in (~evaluation.users.is_new, evaluation.users.is_new))
    figures = pl.read_csv(write_file_tables(evaluation, tmp_path)[0]).filter(slice="all")
    for model in as_data(evaluation)["models"]:
        outcome = {"repeat": match(evaluation.lists[model["name"]].lists, again)}
        outcome["new"] = match(evaluation.lists[model["name"]].lists, new)
        for task, part in model["parts"].items():
            assert part["customers"] == 60
            for metric in ("ndcg", "recall", "hit"):
                estimate = part["metrics"][f"{metric}@10"]
                assert estimate["mean"] == mean(METRICS[metric](outcome[task], 10))
                assert estimate["low"] <= estimate["mean"] <= estimate["high"]
                row = figures.filter(task=task, list=model["name"], metric=f"{metric}@10").row(0, named=True)
                assert (row["mean"], row["low"]) == pytest.approx((estimate["mean"], estimate["low"]))
        parts = [model["parts"][task]["metrics"]["found@10"]["mean"] for task in ("repeat", "new")]
        assert model["metrics"]["found@10"]["mean"] == pytest.approx(sum(parts))


def test_the_groups_of_the_data_are_those_of_the_page(evaluation: FileEvaluation) -> None:
    page = build_report(evaluation, datetime(2020, 1, 1, tzinfo=UTC))
    entry = next(entry for entry in evaluation.entries if entry.name == page.ours)
    assert len(page.groups) == len(entry.groups) > 0
    for shown, group in zip(page.groups, entry.groups, strict=True):
        estimate = group.result.metrics["found@10"]
        assert (shown.family, shown.title) == (group.slice, group.name)
        assert (shown.ours.mean, shown.ours.low, shown.ours.high) == (estimate.mean, estimate.low, estimate.high)
        assert group.result.against[BEST].n_customers == group.result.n_customers >= 20


def test_the_settings_really_used_stand_beside_those_asked_for(evaluation: FileEvaluation, tmp_path: Path) -> None:
    model = {each["name"]: each for each in as_data(evaluation)["models"]}["als:factors=2"]
    assert model["settings"]["alpha"] == "auto"
    assert model["resolved"]["factors"] == model["settings"]["factors"] == 2
    assert 2 <= model["resolved"]["alpha"] <= 40
    assert model["resolved"]["pull"] > 0
    assert all(isinstance(value, int | float | str) for value in model["resolved"].values())
    rows = pl.read_csv(write_file_tables(evaluation, tmp_path)[-1]).filter(list="als:factors=2", setting="alpha")
    assert dict(rows.select("source", "value").iter_rows()) == {
        "asked": "auto",
        "resolved": str(model["resolved"]["alpha"]),
    }


def test_what_auto_fitted_tells_its_settings_model_by_model(tmp_path: Path) -> None:
    files = tmp_path / "train.csv", tmp_path / "test.csv"
    files[0].write_text("user,item\n" + "".join(f"u{n},i{(n * m) % 7}\n" for n in range(20) for m in range(1, 5)))
    files[1].write_text("user,item\nu1,i0\nu2,i5\n")
    known, later = (read_rows(file, ()) for file in files)
    terms = FileTerms((5,), "hide", 0, optional_seconds=0)
    auto = evaluate_files(known, later, model_requests(["auto"]), terms, tmp_path, StepLog())
    entry = next(each for each in auto.entries if each.kind == "auto")
    assert set(entry.resolved) == set(entry.settings["models"])
    assert entry.resolved["buy_again"]["half_life_days"] > 0
    assert not entry.parts
    rows = pl.read_csv(write_file_tables(auto, tmp_path / "csv")[-1])
    assert set(rows.filter(source="resolved")["model"]) <= set(entry.resolved)


@pytest.fixture(scope="module")
def baskets(tmp_path_factory: pytest.TempPathFactory) -> FileEvaluation:
    """A hundred customers buy four of their eight favourites every week, and something new; the last week is asked."""
    folder, rng = tmp_path_factory.mktemp("baskets"), np.random.default_rng(0)
    rows: list[list[str]] = [[], []]
    for user in range(100):
        favourites = rng.permutation(60)[:8]
        for week in range(8):
            items = {*rng.permutation(favourites)[:4].tolist(), int(rng.integers(60))}
            rows[week == 7] += [f"u{user},i{item},2024-{1 + week // 4:02}-{1 + 7 * (week % 4):02}" for item in items]
    files = folder / "train.csv", folder / "test.csv"
    for file, some in zip(files, rows, strict=True):
        file.write_text("\n".join(["user,item,time", *some]) + "\n")
    known, later = (read_rows(file, ()) for file in files)
    terms = FileTerms((10,), "keep", 0, optional_seconds=0)
    return evaluate_files(known, later, model_requests(["auto"]), terms, folder / "made", StepLog())


def with_settings(evaluation: FileEvaluation, **settings: object) -> FileEvaluation:
    entries = [
        replace(entry, settings={**entry.settings, **settings}) if entry.kind == "auto" else entry
        for entry in evaluation.entries
    ]
    return replace(evaluation, entries=entries)


def test_auto_tells_what_buys_again_and_what_the_mix_was_decided_by(baskets: FileEvaluation) -> None:
    settings = next(entry.settings for entry in baskets.entries if entry.kind == "auto")
    again, new = settings["best_chances"]["buy_again"], settings["best_chances"]["discover"]
    assert again > new
    share = f"{100 * settings['repeat_share']:.0f} % of what was held back was taken again"
    text = printed(baskets)
    assert "auto blends new things from " in text
    assert f"(buy_again, chances up to {100 * again:.1f} %)" in text
    assert f"(discover, up to {100 * new:.1f} %), the likelier first; {share}" in text


def test_where_no_chances_were_learnt_the_repeat_share_decides_and_is_named(baskets: FileEvaluation) -> None:
    text = printed(with_settings(baskets, best_chances={}, repeat_share=0.7, judges=7))
    assert "auto gives 70 % of the places to what each customer had before (buy_again)" in text
    assert "in equal parts: too few (7) to choose by in the last" in text
    assert "the likelier first" not in text
