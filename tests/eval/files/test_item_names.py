"""Names of items in files of interactions: taken where they name items, not where they name something else."""

from pathlib import Path

import pytest

from eval.files.item_names import read_item_names
from eval.files.loader import read_rows
from recsys.data.files.column_mapping import ColumnMapping
from recsys.errors import BadInput


@pytest.mark.parametrize(
    ("header", "maps"),
    [("user,item,title", ()), ("user,item,label", ("name=label",)), ("kunde,artikel,bezeichnung", ())],
)
def test_a_column_of_names_is_taken_by_its_usual_name_or_by_the_mapping(
    tmp_path: Path, header: str, maps: tuple[str, ...]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"{header}\na,1,Milk\nb,1,Milk\nb,2,\nc,3,Bread\n")
    rows = read_rows(file, maps)
    assert rows.names == {"1": "Milk", "3": "Bread"}
    assert rows.frame.columns == ["user_id", "item_id", "value", "at_ms", "order_id"]


def test_titles_of_reviews_are_no_names_of_items(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("user,item,title\na,1,Great!\nb,1,Never again\nb,2,Fine\n")
    assert read_rows(file, ()).names == {}


def test_a_file_of_items_names_them_by_the_usual_columns(tmp_path: Path) -> None:
    file = tmp_path / "movies.csv"
    file.write_text("movieId,title,genres\n1,Heat,Crime\n2,,Crime\n3,Ran,Drama\n")
    assert read_item_names(file, ColumnMapping({}, {})) == {"1": "Heat", "3": "Ran"}


def test_a_file_of_items_without_names_is_refused_with_what_it_has(tmp_path: Path) -> None:
    file = tmp_path / "movies.csv"
    file.write_text("movieId,genres\n1,Crime\n")
    with pytest.raises(BadInput, match="no column of names of items, such as name or title; it has movieId, genres"):
        read_item_names(file, ColumnMapping({}, {}))


def test_a_file_without_names_has_none(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("user,item\na,1\n")
    assert read_rows(file, ()).names == {}
