"""Commands about all customers: list, files and sums."""

import json
from pathlib import Path

import polars as pl
from typer.testing import CliRunner, Result

from recsys.cli.app import application


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "customers", *words])


def test_the_list_is_ordered_and_cut(trained_home: Path) -> None:
    rows = json.loads(run(trained_home, "list", "--limit", "3", "--fields", "user_id,money", "--json").stdout)[
        "customers"
    ]
    assert len(rows) == 3
    assert rows[0].keys() == {"user_id", "money"}
    assert rows[0]["money"] >= rows[1]["money"] >= rows[2]["money"]


def test_files_hold_every_customer(trained_home: Path, tmp_path: Path) -> None:
    csv, parquet = tmp_path / "c.csv", tmp_path / "c.parquet"
    assert "customers to" in run(trained_home, "list", "--csv", str(csv), "--parquet", str(parquet)).stdout
    assert len(pl.read_csv(csv)) == len(pl.read_parquet(parquet)) > 3


def test_a_column_that_is_not_there_is_named(trained_home: Path) -> None:
    result = run(trained_home, "list", "--order", "monney")
    assert result.exit_code == 1
    assert "no column 'monney'" in result.stderr


def test_the_summary_prints_stages_and_concentration(trained_home: Path) -> None:
    text = run(trained_home, "summary").stdout
    assert "growing" in text
    assert "Gini" in text
