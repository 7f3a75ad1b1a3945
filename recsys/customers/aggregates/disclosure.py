"""Statistical disclosure control: small cells of tables are hidden, and others with them against subtraction.

Primary and complementary cell suppression, Hundepool et al. 2012, Statistical Disclosure Control, chapter 4.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from recsys.arrays import AnyArray, Bools, Doubles, Longs
from recsys.customers.population import MIN_GROUP

CLOSE = 1e-6  # of numbers that are the same but for rounding


def shown_cells(tables: Sequence[tuple[AnyArray, int]], known: Sequence[Bools]) -> list[Bools]:
    """Which cells of each table may be told, because they and no sums of them tell of 1 to MIN_GROUP - 1 customers.

    tables: the cell of each of N customers, negative in none, and the number of cells.  known: groups whose sizes are
    told in any case, (N,) each.  Safe are the smallest groups that the tables make together, each hidden cell, all
    hidden cells of a table, and what is left of a cell when those of another table are taken off.  Empty cells are
    told.  Returns (C,) for each table.
    """
    if not len(tables[0][0]):
        return [np.ones(n, bool) for _, n in tables]
    columns = [*(cell for cell, _ in tables), *(group.astype(np.int64) for group in known)]
    atoms, size = np.unique(np.column_stack(columns), axis=0, return_counts=True)
    cells = [atoms[:, [at]] == np.arange(n) for at, (_, n) in enumerate(tables)]
    rows = np.hstack(cells).T.astype(np.float64)
    fixed = atoms[:, len(tables) :].T.astype(np.float64)
    bounds = np.cumsum([0, *(n for _, n in tables)])
    shown = _shown_rows(rows, fixed, size, bounds)
    return [shown[start:stop] for start, stop in pairwise(bounds)]


def _shown_rows(rows: Doubles, fixed: Doubles, size: Longs, bounds: Longs) -> Bools:
    """The same of all cells, as sums of atoms.  rows (R, A), fixed (K, A), size (A,), bounds (T + 1,) -> (R,)"""
    n = rows @ size
    shown: Bools = (n >= MIN_GROUP) | (n == 0)
    remainders = _remainders(rows, fixed, bounds)
    while True:
        hidden = np.where(shown, 0.0, 1.0)[:, None] * rows
        unions = np.add.reduceat(hidden, bounds[:-1], axis=0)
        secrets = np.vstack((np.eye(len(size)), hidden, unions, remainders))
        n_secret = secrets @ size
        secrets = secrets[(n_secret > 0) & (n_secret < MIN_GROUP)]
        visible = np.flatnonzero(shown & (n > 0))
        used = _used(np.vstack((fixed, rows[visible])), secrets)
        used = used[used >= len(fixed)] - len(fixed)
        if not len(used):
            return shown
        shown[visible[used[np.argmin(n[visible[used]])]]] = False


def _remainders(rows: Doubles, fixed: Doubles, bounds: Longs) -> Doubles:
    """What is left of each cell without those of another table inside it, and of those that meet it without it."""
    wholes, left = np.vstack((rows, fixed)), [np.zeros((0, rows.shape[1]))]
    for start, stop in pairwise(bounds):
        others = rows[start:stop]
        common = wholes @ others.T
        inside = ((common > 0) & (common == others.sum(axis=1))) @ others
        meeting = (common > 0).astype(np.float64) @ others
        left += [wholes - np.minimum(wholes, inside), np.maximum(meeting - wholes, 0.0)]
    return np.vstack(left)


def _used(known: Doubles, secrets: Doubles) -> Longs:
    """The rows that give the first secret away, none where they give none.  (B, A), (S, A) -> (n,)"""
    _, strength, directions = np.linalg.svd(known, full_matrices=False)
    span = directions[strength > CLOSE]
    gives_away = np.abs(secrets - secrets @ span.T @ span).max(axis=1, initial=0.0) < CLOSE
    if not gives_away.any():
        return np.empty(0, np.int64)
    weights = np.linalg.lstsq(known.T, secrets[np.argmax(gives_away)], rcond=None)[0]
    return np.flatnonzero(np.abs(weights) > CLOSE)
