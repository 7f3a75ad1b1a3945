"""Histories and their selections agree with slow twins: lists of events, counted in a loop."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.dataset.histories import Histories, build_histories, decay
from recsys.data.events import Kind

NOW = 100.0
N_USERS, N_ITEMS = 5, 4


class Row(NamedTuple):
    user: int
    item: int
    at: float
    weight: float
    kind: int


ROW = st.builds(
    Row,
    user=st.integers(0, N_USERS - 1),
    item=st.integers(0, N_ITEMS - 1),
    at=st.integers(0, 2 * int(NOW) + 10).map(lambda half_days: half_days / 2),  # some lie after now
    weight=st.sampled_from([1.0, 0.25, 4.0, -2.0, 0.0]),
    kind=st.sampled_from([Kind.VIEW, Kind.PURCHASE, Kind.RETURN]).map(int),
)
ROWS = st.lists(ROW, max_size=30)


def histories(rows: list[Row]) -> Histories:
    return build_histories(
        user=np.array([row.user for row in rows], np.int32),
        item=np.array([row.item for row in rows], np.int32),
        at=np.array([row.at for row in rows], np.float64),
        weight=np.array([row.weight for row in rows], np.float32),
        kind=np.array([row.kind for row in rows], np.int8),
        n_users=N_USERS,
        n_items=N_ITEMS,
        now=NOW,
    )


def rows_of(built: Histories) -> list[Row]:
    """Back to single events; the user is the row of the history."""
    lengths = np.diff(built.offsets)
    users = np.repeat(np.arange(len(built)), lengths)
    columns = zip(users, built.item, built.at, built.weight, built.kind, strict=True)
    return [Row(int(u), int(i), float(at), float(weight), int(kind)) for u, i, at, weight, kind in columns]


def in_order(rows: list[Row]) -> list[Row]:
    """By customer, item and time; equal ones as they came."""
    return sorted(rows, key=lambda row: (row.user, row.item, row.at))


def assert_well_formed(built: Histories) -> None:
    assert built.offsets[0] == 0
    assert built.offsets[-1] == len(built.item) == len(built.at) == len(built.weight) == len(built.kind)
    assert (built.n_items, built.now) == (N_ITEMS, NOW)
    columns = (built.offsets, built.item, built.at, built.weight, built.kind)
    assert [column.dtype.name for column in columns] == ["int64", "int32", "float64", "float32", "int8"]


@given(ROWS)
def test_events_in_any_order_become_sorted_histories(rows: list[Row]) -> None:
    built = histories(rows)
    assert_well_formed(built)
    assert len(built) == N_USERS
    assert rows_of(built) == in_order(rows)


@given(ROWS, st.lists(st.integers(0, N_USERS - 1), max_size=8))
def test_take_gives_those_customers_in_that_order(rows: list[Row], users: list[int]) -> None:
    built = histories(rows).take(users)
    expected = [row._replace(user=at) for at, user in enumerate(users) for row in in_order(rows) if row.user == user]
    assert_well_formed(built)
    assert len(built) == len(users)
    assert rows_of(built) == expected


@given(ROWS, st.sets(st.sampled_from(Kind)))
def test_only_keeps_events_of_those_kinds(rows: list[Row], kinds: set[Kind]) -> None:
    built = histories(rows).only(*kinds)
    assert_well_formed(built)
    assert rows_of(built) == [row for row in in_order(rows) if row.kind in kinds]


@given(ROWS, st.integers(-1, 120))
def test_since_keeps_what_happened_then_or_later(rows: list[Row], day: int) -> None:
    built = histories(rows).since(float(day))
    assert_well_formed(built)
    assert rows_of(built) == [row for row in in_order(rows) if row.at >= day]


@given(ROWS, st.sampled_from([np.inf, 7.0, 0.5]))
def test_pairs_sum_up_what_a_customer_did_with_an_item(rows: list[Row], half_life_days: float) -> None:
    pairs = histories(rows).pairs(half_life_days)
    slow: dict[tuple[int, int], list[Row]] = {}
    for row in in_order(rows):
        slow.setdefault((row.user, row.item), []).append(row)
    sums = [
        sum(row.weight * 0.5 ** (max(NOW - row.at, 0) / half_life_days) for row in those) for those in slow.values()
    ]
    user = np.repeat(np.arange(N_USERS), np.diff(pairs.offsets))
    assert list(zip(user.tolist(), pairs.item.tolist(), strict=True)) == list(slow)
    assert pairs.count.tolist() == [len(those) for those in slow.values()]
    assert pairs.first_at.tolist() == [those[0].at for those in slow.values()]
    assert pairs.last_at.tolist() == [those[-1].at for those in slow.values()]
    np.testing.assert_allclose(pairs.weight, sums, rtol=1e-5, atol=1e-6)
    assert [column.dtype.name for column in (pairs.weight, pairs.count, pairs.offsets)] == ["float32", "int32", "int64"]


@given(ROWS)
def test_the_matrix_of_pairs_holds_every_pair_at_its_place(rows: list[Row]) -> None:
    dense = np.zeros((N_USERS, N_ITEMS), np.float32)
    for row in rows:
        dense[row.user, row.item] += row.weight
    matrix = histories(rows).pairs().matrix()
    assert matrix.dtype.name == "float32"
    np.testing.assert_allclose(matrix.toarray(), dense, rtol=1e-6)


@given(ROWS)
def test_selections_leave_the_original_as_it_was(rows: list[Row]) -> None:
    built = histories(rows)
    before = rows_of(built)
    built.take([1, 1, 0])
    built.only(Kind.VIEW).since(3.0).pairs(7.0)
    assert rows_of(built) == before


@pytest.mark.parametrize(("age_days", "weight"), [(0.0, 1.0), (7.0, 0.5), (14.0, 0.25), (-3.0, 1.0)])
def test_decay_halves_with_every_half_life_and_never_exceeds_one(age_days: float, weight: float) -> None:
    assert decay(np.array([age_days]), 7.0).tolist() == [weight]


def test_nobody_and_nothing_give_empty_arrays() -> None:
    nothing = histories([]).take([])
    assert (len(nothing), len(nothing.pairs().item), nothing.pairs().matrix().shape) == (0, 0, (0, N_ITEMS))


@given(old=ROWS, new=ROWS)
def test_added_events_stand_where_sorting_all_events_puts_them(old: list[Row], new: list[Row]) -> None:
    old, new = ([row for row in rows if row.user == 0] for rows in (old, new))
    first, later = histories(old).take([0]), histories(new).take([0])

    both = first.with_events(later.item, later.at, later.weight, later.kind, NOW + 1)

    assert rows_of(both) == in_order([*old, *new])
    assert (both.now, both.n_items) == (NOW + 1, N_ITEMS)
