"""Ids of a file, with and without a heading."""

from pathlib import Path

import pytest

from recsys.errors import BadInput
from training.listed_customers import read_ids


def test_ids_are_read_with_and_without_a_heading(tmp_path: Path) -> None:
    bare, table = tmp_path / "bare.csv", tmp_path / "table.csv"
    bare.write_text("u-1\nu-2\n")
    table.write_text("name,customer_id\nAnn,u-1\n,u-2\n")
    assert list(read_ids(bare)) == ["u-1", "u-2"]
    assert list(read_ids(table)) == ["u-1", "u-2"]


def test_a_table_without_a_column_of_customers_is_refused_with_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("name,colour\nAnn,red\n")
    with pytest.raises(BadInput, match="no column 'user_id'; it has name, colour"):
        list(read_ids(file))
