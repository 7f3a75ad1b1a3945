"""Command `recsys customers changes`: counts, JSON and a file."""

import json
from pathlib import Path

import polars as pl
from typer.testing import CliRunner, Result

from recsys.cli.app import application


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "customers", "changes", *words])


def test_the_file_holds_what_the_document_holds(trained_home: Path, tmp_path: Path) -> None:
    document = json.loads(run(trained_home, "--since", "2017-09-15", "--json").stdout)
    csv = tmp_path / "changes.csv"
    text = run(trained_home, "--since", "2017-09-15", "--csv", str(csv))
    assert "changes from 2017-09-15 00:00 until" in text.stderr
    assert "stage to growing" in text.stdout
    assert len(pl.read_csv(csv)) == len(document["changes"]) == sum(document["count"].values()) > 10


def test_a_day_after_the_release_is_an_error(trained_home: Path) -> None:
    result = run(trained_home, "--since", "2999-01-01")
    assert result.exit_code == 1
    assert "take an earlier moment" in result.stderr
