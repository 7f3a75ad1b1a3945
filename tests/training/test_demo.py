"""Money of the real shop after the imports of the demo: what was paid and what was taken off, to the cent."""

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.data.store.open import open_store
from training.demo import IMPORTS, data_file

DISCOUNTS = ("retail_disc", "coupon_disc", "coupon_match_disc")


def cents(*columns: pl.Series) -> int:
    return sum(int((column * 100).round().cast(pl.Int64).sum()) for column in columns)


def check_money(lines: pl.DataFrame, folder: Path) -> None:
    """Imports the lines as the demo does, and compares their sums with the frame.  Lines without a unit are refused."""
    name, options = IMPORTS["events"]
    lines.write_parquet(folder / f"{name}.parquet")
    words = ["--home", str(folder / "home"), "import", "events", str(folder / f"{name}.parquet"), *options]
    result = CliRunner().invoke(application(), words)
    assert result.exit_code == 0, result.output
    sold = lines.filter(pl.col("quantity") > 0)
    log = pl.concat(open_store(folder / "home", None).scan())
    assert len(log) == len(sold)
    assert cents(log["discount"]) == cents(*(sold[column] for column in DISCOUNTS)) > 0
    assert cents(log["price"] * log["quantity"]) == cents(sold["sales_value"])


def test_the_discounts_of_the_first_lines_arrive_to_the_cent(tmp_path: Path) -> None:
    check_money(pl.read_parquet(data_file("transactions"), n_rows=2_000), tmp_path)


@pytest.mark.slow
def test_the_discounts_of_all_lines_arrive_to_the_cent(tmp_path: Path) -> None:
    check_money(pl.read_parquet(data_file("transactions")), tmp_path)
