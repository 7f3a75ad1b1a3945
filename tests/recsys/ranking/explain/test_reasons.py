"""Reasons: the liked item that explains a recommendation, compared with a slow implementation."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import Floats, Ints
from recsys.ranking.explain.reasons import nearest_liked

N_ITEMS = 8


@dataclass(frozen=True)
class Table:
    """Equal by content."""

    rows: list[list[int]]
    name: str = "table"

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        result = np.array(self.rows[item][:k], np.int32)
        return result, np.linspace(1, 0.1, len(result), dtype=np.float32)


ROW = st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=5)


@given(
    rows=st.lists(ROW, min_size=N_ITEMS, max_size=N_ITEMS),
    liked=st.lists(st.integers(0, N_ITEMS - 1), max_size=10),
    items=st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=4),
)
def test_the_first_liked_neighbour_explains_an_item(rows: list[list[int]], liked: list[int], items: list[int]) -> None:
    result = nearest_liked(items, np.array(liked, np.int32), N_ITEMS, Table(rows))  # type: ignore[arg-type]

    assert result == [next((near for near in rows[item] if near in liked), None) for item in items]


def test_without_a_neighbour_table_no_item_explains() -> None:
    assert nearest_liked([1, 2], np.array([0], np.int32), N_ITEMS, None) == [None, None]
