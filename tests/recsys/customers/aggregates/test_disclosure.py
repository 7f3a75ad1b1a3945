"""Disclosure control: no sum of what is told is a group of few customers, and no more is hidden than that takes."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.arrays import Bools, Longs
from recsys.customers.aggregates.disclosure import shown_cells
from recsys.customers.population import MIN_GROUP

Sizes = st.lists(st.sampled_from([0, 1, 3, 9, 15, 19, 20, 25, 40]), min_size=4, max_size=4)


def people(sizes: list[int]) -> Longs:
    return np.repeat(np.arange(len(sizes)), sizes)


def everyone(cell: Longs) -> list[Bools]:
    return [np.ones(len(cell), bool)]


def told_groups(rows: list[Longs], sizes: list[int]) -> list[int]:
    """Sizes of all groups that some sum or difference of the rows is.  A row says which atoms it counts."""
    sums = np.array(list(product((-1, 0, 1), repeat=len(rows)))) @ np.array(rows)
    groups: list[int] = (sums[((sums == 0) | (sums == 1)).all(axis=1)] @ np.array(sizes)).tolist()
    return groups


def atoms_of(cells: list[int], n_atoms: int) -> Longs:
    return np.isin(np.arange(n_atoms), cells).astype(np.int64)


@settings(max_examples=40, deadline=None)
@given(Sizes)
def test_no_subtraction_tells_of_few_customers_in_one_table(sizes: list[int]) -> None:
    cell = people(sizes)
    (shown,) = shown_cells([(cell, 4)], everyone(cell))
    rows = [np.ones(4, np.int64), *(atoms_of([at], 4) for at in np.flatnonzero(shown).tolist())]
    few = {n for n in told_groups(rows, sizes) if 0 < n < MIN_GROUP}
    assert not few or sum(sizes) < MIN_GROUP


@settings(max_examples=40, deadline=None)
@given(Sizes)
def test_no_subtraction_tells_of_few_customers_in_two_tables_that_share_them(sizes: list[int]) -> None:
    cell = people(sizes)
    coarse = np.array([0, 0, 1, 1])[cell] if len(cell) else cell
    fine_shown, coarse_shown = shown_cells([(cell, 4), (coarse, 2)], everyone(cell))
    fine = [atoms_of([at], 4) for at in np.flatnonzero(fine_shown).tolist()]
    pairs = [atoms_of([2 * at, 2 * at + 1], 4) for at in np.flatnonzero(coarse_shown).tolist()]
    few = {n for n in told_groups([np.ones(4, np.int64), *fine, *pairs], sizes) if 0 < n < MIN_GROUP}
    assert not few or sum(sizes) < MIN_GROUP


def test_a_single_small_cell_takes_the_next_smallest_with_it() -> None:
    cell = people([100, 7, 30, 50])
    (shown,) = shown_cells([(cell, 4)], everyone(cell))
    assert shown.tolist() == [True, False, False, True]


def test_small_cells_that_make_a_group_together_hide_no_other() -> None:
    cell = people([100, 7, 15, 50])
    (shown,) = shown_cells([(cell, 4)], everyone(cell))
    assert shown.tolist() == [True, False, False, True]


def test_small_cells_of_less_than_a_group_hide_another() -> None:
    cell = people([100, 7, 8, 50])
    (shown,) = shown_cells([(cell, 4)], everyone(cell))
    assert shown.tolist() == [True, False, False, False]


def test_those_whom_no_cell_counts_are_a_group_too() -> None:
    cell = np.where(people([40, 50, 3]) == 2, -1, people([40, 50, 3]))
    (shown,) = shown_cells([(cell, 2)], everyone(cell))
    assert shown.tolist() == [False, True]


def test_nothing_is_hidden_where_every_group_is_large_or_empty() -> None:
    cell = people([100, 0, 30, 50])
    (shown,) = shown_cells([(cell, 4)], everyone(cell))
    assert shown.all()


def test_a_cell_less_those_of_another_table_is_no_small_group() -> None:
    fine, coarse = people([30, 40, 50, 60]), np.repeat([0, 1], [35, 145])
    fine_shown, coarse_shown = shown_cells([(fine, 4), (coarse, 2)], everyone(fine))
    told = [
        *(fine == at for at in np.flatnonzero(fine_shown).tolist()),
        *(coarse == at for at in np.flatnonzero(coarse_shown).tolist()),
    ]
    assert not any(0 < int((a & ~b).sum()) < MIN_GROUP and not (b & ~a).any() for a in told for b in told)


def test_without_customers_nothing_is_hidden() -> None:
    (shown,) = shown_cells([(np.empty(0, np.int64), 3)], [])
    assert shown.all()
