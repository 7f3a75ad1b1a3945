"""Repurchase intervals agree with a slow count."""

from itertools import pairwise
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.dataset.histories import build_histories
from recsys.data.events import Kind
from recsys.engine.repurchase import MIN_GAPS_OF_ITEM, START_DAYS, fit_repurchase_intervals, in_words, own_gap

purchases = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.floats(0, 60)), max_size=80)


@given(rows=purchases)
def test_an_items_gap_is_the_median_over_all_customers(rows: list[tuple[int, int, float]]) -> None:
    user, item, at = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.empty(0),) * 3
    intervals = fit_repurchase_intervals(
        build_histories(
            user=user.astype(np.int32), item=item.astype(np.int32), at=at.astype(float),
            weight=np.ones(len(rows), np.float32), kind=np.full(len(rows), Kind.PURCHASE, np.int8),
            n_users=3, n_items=3, now=60.0,
        )
    )  # fmt: skip
    start = min((row[2] for row in rows), default=0.0)
    for item_position in range(3):
        days = [sorted({int(row[2]) for row in rows if row[:2] == (who, item_position)}) for who in range(3)]
        gaps = [later - earlier for mine in days for earlier, later in pairwise(mine)]
        expected = median(gaps) if len(gaps) >= MIN_GAPS_OF_ITEM else None
        assert intervals.gap_of(item_position) == (None if expected is None else pytest.approx(expected))
        first = min((row[2] for row in rows if row[1] == item_position), default=-np.inf)
        assert intervals.first_at[item_position] == (first if first >= start + START_DAYS else -np.inf)


def test_a_user_has_an_own_interval_after_three_gaps() -> None:
    assert own_gap([1, 8, 15]) is None
    assert own_gap([1, 8, 8, 15, 36]) == 7
    assert own_gap([]) is None


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (1, "almost every day"),
        (3, "about every 3 days"),
        (7, "about every week"),
        (20.5, "about every 3 weeks"),
        (61, "about every 2 months"),
        (365, "about once a year"),
        (500, None),
    ],
)
def test_a_gap_is_put_into_plain_words(days: float, said: str | None) -> None:
    assert in_words(days) == said
