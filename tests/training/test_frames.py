"""Frames into a home: every kind of table becomes the same events, and what cannot be read is said."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.errors import BadInput
from training.frames import FrameColumns, as_frame, import_frames

COLUMNS: dict[str, list[Any]] = {
    "customer": ["a", "b", "b"],
    "product": [10, 11, 11],
    "date": [datetime(2024, 1, 1, 12), datetime(2024, 1, 2), datetime(2024, 1, 3)],
    "qty": [1, 2, 1],
}
TABLES = {
    "polars": pl.DataFrame(COLUMNS),
    "lazy": pl.LazyFrame(COLUMNS),
    "pandas": pd.DataFrame(COLUMNS),
    "columns": COLUMNS,
    "objects": pd.DataFrame(COLUMNS, dtype=object),
}


def stored(home: Path, frames: dict[str, Any], columns: FrameColumns | None = None) -> list[Event]:
    store = open_store(home, None)
    import_frames(store, home, {name: as_frame(table) for name, table in frames.items()}, columns or FrameColumns())
    events = [event for user in ("a", "b") for event in store.user_events(user)]
    store.close()
    return events


@pytest.mark.parametrize("name", TABLES)
def test_every_kind_of_table_becomes_the_same_events(name: str, tmp_path: Path) -> None:
    rows = [(e.user_id, e.item_id, e.kind, e.at_ms, e.quantity) for e in stored(tmp_path, {"events": TABLES[name]})]
    assert rows == [
        ("a", "10", Kind.PURCHASE, 1_704_110_400_000, 1.0),
        ("b", "11", Kind.PURCHASE, 1_704_153_600_000, 2.0),
        ("b", "11", Kind.PURCHASE, 1_704_240_000_000, 1.0),
    ]
    assert list(tmp_path.glob("*.parquet")) == []


def test_cells_of_several_types_and_missing_ones_are_kept_cell_by_cell() -> None:
    table = pd.DataFrame(
        {
            "mixed": pd.Series(["x", 1, None], dtype=object),
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "time": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "number": [1.5, float("nan"), 2.0],
        }
    )
    assert as_frame(table).to_dict(as_series=False) == {
        "mixed": ["x", "1", None],
        "whole": [1, None, 3],
        "time": [datetime(2024, 1, 1), None, datetime(2024, 1, 3)],
        "number": [1.5, None, 2.0],
    }


WITHOUT_PYARROW = """
import importlib.util, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pyarrow":
            raise ModuleNotFoundError(name)

find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "pyarrow" else find(name, package)
sys.meta_path.insert(0, Absent())
import pandas as pd
from training.frames import as_frame

times = pd.to_datetime(["2024-01-01", None])
frame = pd.DataFrame({"user": ["a", None], "n": [1, 2], "time": times, "zone": times.tz_localize("UTC")})
print(as_frame(frame).rows()[0])
"""


def test_pandas_needs_no_pyarrow() -> None:
    result = subprocess.run([sys.executable, "-c", WITHOUT_PYARROW], capture_output=True, text=True, check=False)
    assert result.stdout.startswith("('a', 1, datetime.datetime(2024, 1, 1, 0, 0), datetime.datetime("), result.stderr


def test_objects_and_days_beside_text_become_text(tmp_path: Path) -> None:
    at = [datetime(2024, 1, 1), "2024-01-02"]
    assert as_frame(pd.DataFrame({"at": at}))["at"].to_list() == ["2024-01-01 00:00:00", "2024-01-02"]
    path = pl.DataFrame({"path": pl.Series([tmp_path, None], dtype=pl.Object)})
    assert as_frame(path)["path"].to_list() == [str(tmp_path), None]


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="two columns are called 'a'; rename one"):
        as_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(BadInput, match="a int is no table"):
        as_frame(3)


def test_other_names_and_words_are_given(tmp_path: Path) -> None:
    table = pl.DataFrame({"hh": ["a"], "thing_no": ["i"], "date": ["2024-01-01"], "event": ["addtocart"]})
    columns = FrameColumns({"user_id": "hh", "item_id": "thing_no"}, kinds={"AddToCart": "cart"})
    assert [(e.item_id, e.kind) for e in stored(tmp_path, {"events": table}, columns)] == [("i", Kind.CART)]


def test_items_and_customers_keep_their_other_columns(tmp_path: Path) -> None:
    items = {"sku": ["10"], "title": ["Tea"], "grams": [100]}
    stored(tmp_path, {"items": items, "customers": {"customer_id": ["a"], "city": ["Bonn"]}})
    store = open_store(tmp_path, None)
    item, user = store.item("10"), store.user("a")
    assert item is not None
    assert user is not None
    assert (item.name, dict(item.attributes), dict(user.attributes)) == ("Tea", {"grams": 100}, {"city": "Bonn"})
    store.close()


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"user": "customer"}, "there is no 'user'; did you mean 'user_id'"),
        ({"user_id": "custmer"}, "no frame has 'custmer'; did you mean 'customer'"),
    ],
)
def test_a_mistyped_column_is_named(columns: dict[str, str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=reason):
        stored(tmp_path, {"events": COLUMNS}, FrameColumns(columns))


def test_a_missing_column_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"events: no column 'at' among customer, product, qty; say columns=\{'at'"):
        stored(tmp_path, {"events": {name: cells for name, cells in COLUMNS.items() if name != "date"}})


def test_refused_rows_warn_and_nothing_but_refused_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="events: 1 of 3 rows were refused"):
        assert len(stored(tmp_path, {"events": {**COLUMNS, "customer": ["a", None, "b"]}})) == 2
    with pytest.raises(BadInput, match="3 of 3 rows were refused: 3 for an unknown kind"):
        stored(tmp_path, {"events": {**COLUMNS, "event": ["order"] * 3}})
