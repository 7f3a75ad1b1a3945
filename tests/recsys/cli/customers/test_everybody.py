"""Commands about all customers: list, files and sums."""

import json
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.cli.customers import everybody


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


def test_a_shop_of_few_customers_has_no_clusters_and_says_why(trained_home: Path) -> None:
    result = run(trained_home, "clusters")
    assert result.exit_code == 1
    assert "no clusters: too few buyers" in result.stderr


def test_clusters_are_told_in_words_and_unstable_numbers_are_flagged(
    trained_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [
        {"n_clusters": 2, "silhouette": 0.45, "stability": 0.97, "is_stable": True},
        {"n_clusters": 3, "silhouette": 0.35, "stability": 0.59, "is_stable": False},
    ]
    note = {"descriptions": ["come often: 40 customers", None], "numbers": numbers}
    recommender = SimpleNamespace(
        bundle=SimpleNamespace(manifest=SimpleNamespace(blend={"customer_scores": {"clusters": note}}))
    )
    monkeypatch.setattr(everybody, "_recommender", lambda ctx: recommender)
    lines = run(trained_home, "clusters").stdout.splitlines()
    assert lines[:2] == ["0: come often: 40 customers", "1: fewer than 20 customers"]
    assert "unstable" not in lines[3]
    assert lines[4].split("\t")[2:] == ["0.59", "unstable: other customers would give other clusters"]
