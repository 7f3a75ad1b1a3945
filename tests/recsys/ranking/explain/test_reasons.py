"""Which of the things that a customer likes explains a pick, against a slow twin."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import Floats, Ints
from recsys.ranking.explain.reasons import nearest_liked

N_ITEMS = 8


@dataclass(frozen=True)
class Table:
    """Goes by what stands in it."""

    rows: list[list[int]]
    name: str = "table"

    def similar(self, item: int, k: int) -> tuple[Ints, Floats]:
        found = np.array(self.rows[item][:k], np.int32)
        return found, np.linspace(1, 0.1, len(found), dtype=np.float32)


ROW = st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=5)


@given(
    rows=st.lists(ROW, min_size=N_ITEMS, max_size=N_ITEMS),
    liked=st.lists(st.integers(0, N_ITEMS - 1), max_size=10),
    items=st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=4),
)
def test_the_first_liked_one_among_the_neighbours_explains_a_pick(
    rows: list[list[int]], liked: list[int], items: list[int]
) -> None:
    found = nearest_liked(items, np.array(liked, np.int32), N_ITEMS, Table(rows))  # type: ignore[arg-type]

    assert found == [next((one for one in rows[item] if one in liked), None) for item in items]


def test_without_a_table_nothing_explains() -> None:
    assert nearest_liked([1, 2], np.array([0], np.int32), N_ITEMS, None) == [None, None]
