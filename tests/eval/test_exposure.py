"""The shelf agrees with its slow and obvious twin."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.exposure import coverage, gini, novelty, shown_times
from eval.metrics import Lists

N_ITEMS = 7
LISTS = st.lists(st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=4), min_size=1, max_size=6)


def lists_of(rows: Sequence[Sequence[int]]) -> Lists:
    item = np.full((len(rows), 4), N_ITEMS - 1, np.int32)  # what lies behind a list's end must not matter
    for places, row in zip(item, rows, strict=True):
        places[: len(row)] = row
    return Lists(item, np.array([len(row) for row in rows], np.int32))


def slow_gini(times: Sequence[int]) -> float:
    n, total = len(times), sum(times)
    return sum(abs(a - b) for a in times for b in times) / (2 * n * total) if total else math.nan


@given(rows=LISTS, k=st.integers(1, 5))
def test_the_shelf_agrees_with_its_slow_twin(rows: list[list[int]], k: int) -> None:
    slow = [sum(item in row[:k] for row in rows) for item in range(N_ITEMS)]
    times = shown_times(lists_of(rows), k, N_ITEMS)
    assert times.tolist() == slow
    assert coverage(times) == len({item for row in rows for item in row[:k]}) / N_ITEMS
    assert gini(times) == pytest.approx(slow_gini(slow), nan_ok=True)


@given(rows=LISTS, k=st.integers(1, 5), customers=st.lists(st.integers(0, 9), min_size=N_ITEMS, max_size=N_ITEMS))
def test_novelty_agrees_with_its_slow_twin(rows: list[list[int]], k: int, customers: list[int]) -> None:
    def bits(item: int) -> float:
        return math.log2(9 / max(customers[item], 1))

    slow = [sum(map(bits, row[:k])) / len(row[:k]) if row else math.nan for row in rows]
    found = novelty(lists_of(rows), k, np.array(customers), 9)
    np.testing.assert_allclose(found, slow, atol=1e-12)


def test_one_item_for_everybody_is_as_uneven_as_it_gets_and_all_alike_is_even() -> None:
    assert gini(np.array([0, 0, 0, 12])) == pytest.approx(3 / 4)
    assert gini(np.array([5, 5, 5, 5])) == 0.0


def test_what_everybody_has_is_no_news_and_what_half_have_is_one_bit() -> None:
    found = novelty(lists_of([[0], [1]]), 4, np.array([8, 4, 1, 1, 1, 1, 1]), 8)
    np.testing.assert_allclose(found, [0.0, 1.0])


def test_an_empty_shelf_has_no_share() -> None:
    assert math.isnan(coverage(np.empty(0, np.int64)))
    assert math.isnan(gini(np.zeros(3, np.int64)))
