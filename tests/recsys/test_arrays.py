"""Array operations agree with their slow twins."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import add_weighted_rows, frozen, is_in_sorted

WIDTH = 7
ROW = st.lists(st.tuples(st.integers(0, WIDTH - 1), st.floats(-8, 8, width=16)), max_size=5)


@given(st.data(), st.lists(ROW, min_size=1, max_size=6))
def test_weighted_rows_of_a_table_add_up_like_a_loop(data: st.DataObject, table: list[list[tuple[int, float]]]) -> None:
    rows = data.draw(st.lists(st.integers(0, len(table) - 1), unique=True))
    weight = data.draw(st.lists(st.floats(-4, 4, width=16), min_size=len(rows), max_size=len(rows)))
    slow = np.ones(WIDTH)
    for row, by in zip(rows, weight, strict=True):
        for place, value in table[row]:
            slow[place] += by * value
    out = np.ones(WIDTH, np.float32)
    flat = [cell for row in table for cell in row]
    add_weighted_rows(
        np.array(rows, np.int32),
        np.array(weight, np.float32),
        (
            frozen(np.cumsum([0, *map(len, table)])),
            frozen(np.array([place for place, _ in flat], np.int32)),
            frozen(np.array([value for _, value in flat], np.float32)),
        ),
        out,
    )
    np.testing.assert_allclose(out, slow, rtol=1e-5, atol=1e-4)


@given(st.lists(st.integers(-3, 9), max_size=8), st.sets(st.integers(-3, 9), max_size=8))
def test_what_is_among_sorted_values_is_what_a_set_holds(values: list[int], among: set[int]) -> None:
    is_among = is_in_sorted(np.array(values, np.int32), np.array(sorted(among), np.int32))
    assert is_among.tolist() == [value in among for value in values]
