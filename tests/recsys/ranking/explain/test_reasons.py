"""Reasons: the liked item that explains a recommendation, compared with a slow implementation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.models.neighbour_table import NeighbourTable
from recsys.ranking.explain.reasons import nearest_liked

N_ITEMS = 8


def table_of(rows: list[list[int]]) -> NeighbourTable:
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    neighbour = np.array([near for row in rows for near in row], np.int32)
    return NeighbourTable(offsets, neighbour, np.ones(len(neighbour), np.float32))


ROW = st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=5)


@given(
    rows=st.lists(ROW, min_size=N_ITEMS, max_size=N_ITEMS),
    liked=st.lists(st.integers(0, N_ITEMS - 1), max_size=10),
    items=st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=4),
)
def test_the_first_liked_neighbour_explains_an_item(rows: list[list[int]], liked: list[int], items: list[int]) -> None:
    result = nearest_liked(items, np.array(liked, np.int32), N_ITEMS, table_of(rows))

    assert result == [next((near for near in rows[item] if near in liked), None) for item in items]


def test_without_a_neighbour_table_no_item_explains() -> None:
    assert nearest_liked([1, 2], np.array([0], np.int32), N_ITEMS, None) == [None, None]
