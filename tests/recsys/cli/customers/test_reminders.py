"""Command `recsys reminders`: table, JSON and files that spreadsheets open safely."""

import json
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.entities import Item
from recsys.data.store.open import open_store
from tests.homes import copy_home


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "reminders", *words])


def test_the_document_holds_all_and_the_files_the_same(home_with_needs: Path, tmp_path: Path) -> None:
    document = json.loads(run(home_with_needs, "--at-least", "0.2", "--json").stdout)
    csv, parquet = tmp_path / "r.csv", tmp_path / "r.parquet"
    assert "reminders as of" in run(home_with_needs, "--at-least", "0.2", "--csv", str(csv)).stderr
    written = json.loads(run(home_with_needs, "--at-least", "0.2", "--parquet", str(parquet), "--json").stdout)
    assert written["reminders"] == len(document["reminders"]) > 50
    assert pl.read_parquet(parquet).to_dicts() == document["reminders"]
    assert pl.read_csv(csv)["user_id"].to_list() == [row["user_id"] for row in document["reminders"]]


def test_a_higher_chance_gives_fewer_and_the_end_says_how_many(home_with_needs: Path) -> None:
    result = run(home_with_needs, "--at-least", "0.9")
    assert result.stdout.startswith("user_id\titem_id")
    assert "left out: nobody" in result.stderr


def test_a_name_that_a_spreadsheet_would_run_is_guarded(home_with_needs: Path, tmp_path: Path) -> None:
    home, csv = copy_home(home_with_needs, tmp_path / "home"), tmp_path / "r.csv"
    with closing(open_store(home, None)) as store:
        store.put_items([Item(f"item-{n:03}", name='=HYPERLINK("http://evil")') for n in range(24)])
    run(home, "--csv", str(csv))
    assert set(pl.read_csv(csv)["name"]) == {'\'=HYPERLINK("http://evil")'}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--csv", "a.csv", "--parquet", "b.parquet"], "name one file"),
        (["--csv", "a.txt"], "must end with .csv"),
        (["--csv", "nowhere/a.csv"], "no such folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_named(home_with_needs: Path, words: list[str], text: str) -> None:
    result = run(home_with_needs, *words)
    assert result.exit_code == 1
    assert text in result.stderr
