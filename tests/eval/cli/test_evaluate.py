"""`recsys evaluate` and `recsys compare` as a person types them, on the log of a small shop."""

import json
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.entities import User
from recsys.data.events import Event
from recsys.data.store.sqlite import SqliteStore
from recsys.jobs.evaluation_files import EvaluationFiles
from recsys.testing import small_items
from tests.homes import publish_live, settle_models


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


@pytest.fixture(scope="module")
def home(shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop in a folder, with stores and an attribute, and settled models."""
    folder = tmp_path_factory.mktemp("home")
    store = SqliteStore(folder / "shop.db")
    store.put_items(small_items())
    store.put_users([User(f"user-{u:03}", {"camp": "even" if u % 2 == 0 else "odd"}) for u in range(60)])
    store.append([event._replace(channel=f"store-{event.user_id[-1]}") for event in shop_events])
    store.close()
    settle_models(folder)
    return folder


def test_two_windows_are_judged_shown_and_written(home: Path, tmp_path: Path) -> None:
    files = ["--json", str(tmp_path / "all.json"), "--csv", str(tmp_path / "tables")]
    result = run(home, "evaluate", "--windows", "2", "--days", "14", *files)
    assert result.exit_code == 0, result.output
    assert "judged in 2 windows" in result.stdout
    (kept,) = EvaluationFiles(home).all()
    assert (kept.kind, kept.verdict in EvaluationFiles(home).page(kept.id).decode()) == ("lists", True)
    data = json.loads((tmp_path / "all.json").read_bytes())
    assert [task["name"] for task in data["tasks"]] == ["all", "repeat", "new"]
    assert data["settings"]["segment"] == "camp"
    assert {group["slice"] for group in data["tasks"][0]["lines"][0]["groups"]} >= {"activity", "customer's camp"}
    figures = pl.read_csv(tmp_path / "tables" / "figures.csv")
    home_line = figures.filter(task="all", list="home", metric="ndcg@10", window="all", group="all")
    line = next(line for line in data["tasks"][0]["lines"] if line["name"] == "home")
    assert home_line["mean"].to_list() == [line["pooled"]["metrics"]["ndcg@10"]["mean"]]


def test_releases_that_have_seen_it_all_are_refused_with_what_to_do(home: Path) -> None:
    with closing(SqliteStore(home / "shop.db")) as store:
        versions = sorted(publish_live(store, home) for _ in range(2))
    result = run(home, "compare", *versions)
    assert result.exit_code == 1
    assert "weeks it has seen" in result.output


def test_a_release_that_is_not_there_is_named(home: Path) -> None:
    result = run(home, "compare", "20170101T000000Z-aaaa", "20170102T000000Z-bbbb")
    assert result.exit_code == 1
    assert "no release '20170101T000000Z-aaaa'; `recsys releases` lists them" in " ".join(result.output.split())


def test_two_files_are_judged_and_written_as_tables(home: Path, tmp_path: Path) -> None:
    rows = [(user, item) for user in range(12) for item in range(user % 2, 14, 2)]
    for name, kept in (("train", rows[1::2]), ("test", rows[::2])):
        lines = ["user,item", *(f"{user},{item}" for user, item in kept)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    files = [f"--{name}={tmp_path / name}.csv" for name in ("train", "test")]
    outputs = ["--json", str(tmp_path / "all.json"), "--csv", str(tmp_path / "tables")]
    result = run(home, "evaluate", *files, "--model", "item_neighbours", *outputs)
    assert result.exit_code == 0, result.output
    figures = pl.read_csv(tmp_path / "tables" / "figures.csv")
    models = {model["name"]: model for model in json.loads((tmp_path / "all.json").read_bytes())["models"]}
    ndcg = dict(figures.filter(metric="ndcg@10").select("list", "mean").iter_rows())
    assert ndcg == {name: model["metrics"]["ndcg@10"]["mean"] for name, model in models.items()}
    against = pl.read_csv(tmp_path / "tables" / "comparisons.csv").filter(
        list="item_neighbours", against="best-sellers"
    )
    assert against["verdict"].to_list() == [models["item_neighbours"]["against"]["best-sellers"]["verdict"]]
    assert pl.read_csv(tmp_path / "tables" / "shelf.csv").columns == ["list", "kind", "measure", "value"]


@pytest.mark.parametrize("words", [(), ("--train", "a.csv", "--test", "b.csv")])
def test_the_time_for_spare_models_is_that_of_a_training(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("RECSYS_TRAIN_SPARE_SECONDS", "soon")
    result = run(home, "evaluate", *words)
    assert (result.exit_code, "spare_seconds" in result.output) == (1, True)


def test_there_are_no_tables_of_predicted_ratings(home: Path) -> None:
    result = run(home, "evaluate", "--task", "rating", "--train", "a.csv", "--test", "b.csv", "--csv", "x")
    assert result.exit_code == 2
    assert "predicted ratings" in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize("option", ["--windows", "--segment", "--cut"])
def test_what_works_on_the_log_is_refused_with_files(home: Path, tmp_path: Path, option: str) -> None:
    word = {"--windows": "2", "--cut": "2017-12-05"}.get(option, "x")
    result = run(home, "evaluate", "--train", "a.csv", "--test", "b.csv", option, word)
    assert result.exit_code == 2
    assert "own log" in result.output


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_help_has_an_example(home: Path, command: str) -> None:
    assert f"Example: recsys {command}" in run(home, command, "--help").stdout
