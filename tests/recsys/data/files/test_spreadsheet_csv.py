"""A CSV of ours runs no formula in a spreadsheet, and an import reads every cell back as it was."""

import csv
from io import BytesIO, StringIO
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.files.column_mapping import text_of
from recsys.data.files.readers import open_table
from recsys.data.files.spreadsheet_csv import guard_cell, write_csv

SIGNS = "=+-@\t\r"
cells = st.text(st.sampled_from("=+-@'\"ab10.,;e\n"), max_size=8)


@pytest.mark.parametrize("sign", SIGNS)
def test_text_that_begins_like_a_formula_begins_with_an_apostrophe(sign: str) -> None:
    out = BytesIO()
    write_csv(pl.DataFrame({"user_id": [f"{sign}cmd|'/c calc'!A1"], "score": [-0.5]}), out)
    assert out.getvalue().decode().replace('"', "") == f"user_id,score\n'{sign}cmd|'/c calc'!A1,-0.5\n"


@pytest.mark.parametrize("value", [-1, 0.5, None, "-1", "-1.5e-7", "a=1", "", "12", "O'Neill"])
def test_numbers_and_other_text_stay_as_they_are(value: object) -> None:
    assert guard_cell(value) == value


@given(st.lists(cells, min_size=1, max_size=5))
def test_an_import_reads_every_cell_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path: Path = tmp_path_factory.mktemp("csv") / "a.csv"
    ids = text_of(pl.Series("id", texts, pl.String))
    write_csv(pl.DataFrame({"id": ids, "n": range(len(texts))}), path)
    (chunk,) = open_table(path).chunks(100)  # a cell may hold several lines
    assert text_of(chunk.rows["id"]).to_list() == ids.to_list()


@given(cells)
def test_a_single_cell_is_guarded_as_in_a_table(text: str) -> None:
    out = BytesIO()
    write_csv(pl.DataFrame({"a": [text]}), out, include_header=False)
    (row,) = csv.reader(StringIO(out.getvalue().decode(), newline=""))
    assert row == [guard_cell(text)]


def test_a_file_is_private_and_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_csv(pl.DataFrame({"customer": ["ann"]}), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").stat().st_mode & 0o077 == 0
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_csv(pl.DataFrame(), tmp_path / "nowhere" / "out.csv")
