"""Which of the things that a customer likes explains a pick, against a slow twin."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import Floats, Ints
from recsys.data.events import Kind
from recsys.data.histories import histories_of
from recsys.ranking.reasons import nearest

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
EVENT = st.tuples(st.integers(0, N_ITEMS - 1), st.sampled_from([1.0, 0.05, -1.0, 0.0]))


@given(
    rows=st.lists(ROW, min_size=N_ITEMS, max_size=N_ITEMS),
    events=st.lists(EVENT, max_size=10),
    items=st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=4),
)
def test_the_first_liked_one_among_the_neighbours_explains_a_pick(
    rows: list[list[int]], events: list[tuple[int, float]], items: list[int]
) -> None:
    history = histories_of(
        user=np.zeros(len(events), np.int32),
        item=np.array([item for item, _ in events], np.int32),
        at=np.zeros(len(events)),
        weight=np.array([weight for _, weight in events], np.float32),
        kind=np.full(len(events), Kind.VIEW, np.int8),
        n_users=1,
        n_items=N_ITEMS,
        now=1.0,
    )
    liked = {item for item, weight in events if weight > 0}

    found = nearest(items, history, Table(rows))  # type: ignore[arg-type]

    assert found == [next((one for one in rows[item] if one in liked), None) for item in items]


def test_without_a_table_nothing_explains() -> None:
    history = histories_of(
        user=np.zeros(1, np.int32),
        item=np.zeros(1, np.int32),
        at=np.zeros(1),
        weight=np.ones(1, np.float32),
        kind=np.zeros(1, np.int8),
        n_users=1,
        n_items=N_ITEMS,
        now=1.0,
    )

    assert nearest([1, 2], history, None) == [None, None]
