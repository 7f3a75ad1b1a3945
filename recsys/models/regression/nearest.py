"""Ridge regression of each item on those nearest to it: a sparse approximate inverse, for EASE in large catalogues."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import sposv
from scipy.sparse import csr_array

from recsys.arrays import Doubles, Floats, Ints, Longs, ranges
from recsys.data.ids import MISSING
from recsys.errors import BadSettings
from recsys.models.regression.ridge import Weights, gram_matrix, in_blocks, penalties

CANDIDATES = 3  # times as many items as are kept are looked at
PER_USER = 8  # predictors of an item for each of its users: few users cannot tell many apart
MAX_ENTRIES = 1e9  # weights of users that are read for all systems together; it bounds the time of fitting


@dataclass(frozen=True, slots=True)
class NearestRegression:
    """The regression of I items, most bought first, on each other; H of them are the head.

    by_item (I, U), by_user (U, I): weights of the users, float32.  gram (H, H): of the head.  common (I,): the diagonal
    of the Gram matrix with the penalty; length (I,): its root.  max_tail: items behind the head that an item may be
    predicted from.
    """

    by_item: csr_array
    by_user: csr_array
    gram: Floats
    common: Floats
    length: Floats
    max_tail: int

    def system(self, items: Longs, place: Longs) -> "_System":
        """The Gram matrix of a few items, rising.  place (I,): MISSING everywhere, before and after."""
        tail = items[items.searchsorted(len(self.gram)) :]
        place[items] = np.arange(len(items))
        rows = self._rows(tail, place, len(items)) if len(tail) else np.empty((0, len(items)), np.float32)
        place[items] = MISSING
        return _System(self, items, rows)

    def _rows(self, items: Longs, place: Longs, n: int) -> Floats:
        """Rows of the Gram matrix, at the columns that have a place: through the users of these items.  (m, n)"""
        users, weight, row = _entries(self.by_item, items)
        others, other_weight, entry = _entries(self.by_user, users)
        column = place[others]
        kept = np.flatnonzero(column != MISSING)
        entry = entry[kept]
        cell = row[entry] * n + column[kept]
        summed = np.bincount(cell, weight[entry] * other_weight[kept], minlength=len(items) * n)
        return summed.reshape(len(items), n).astype(np.float32)

    def candidates(self, item: int, others: Ints, common: Floats, n: int) -> Longs:
        """Positions among `others` of the n that predict that item best, each alone; few of them behind the head.

        In the order of these items.
        """
        # The share of variance that a ridge with this one predictor explains grows with this score.
        score = common / self.length[others]
        score[others == item] = 0
        best = _highest(score, n)
        best = best[np.argsort(-score[best], kind="stable")]
        is_tail = others[best] >= len(self.gram)
        best = best[~is_tail | (np.cumsum(is_tail) <= self.max_tail)]
        return best[np.argsort(others[best])]


@dataclass(frozen=True, slots=True)
class _System:
    """The Gram matrix of n items, rising, of which few rows are made.  tail_rows (T, n): of items behind the head."""

    regression: NearestRegression
    items: Longs
    tail_rows: Floats

    def rows(self, chosen: Longs, columns: Longs) -> Floats:
        """At rising positions, with the penalty on the diagonal.  (m,), (c,) -> (m, c)"""
        gram, n_head = self.regression.gram, len(self.items) - len(self.tail_rows)
        row, column = int(chosen.searchsorted(n_head)), int(columns.searchsorted(n_head))
        rows = np.empty((len(chosen), len(columns)), np.float32)
        # Column-major and symmetric: the transpose has what is read of one row close together.
        rows[:row, :column] = gram.T[self.items[chosen[:row], None], self.items[columns[:column]]]
        rows[:row, column:] = self.tail_rows[columns[column:] - n_head][:, chosen[:row]].T
        rows[row:] = self.tail_rows[chosen[row:] - n_head][:, columns]
        rows[np.arange(len(chosen)), columns.searchsorted(chosen)] = self.regression.common[self.items[chosen]]
        return rows


def fit_nearest(by_item: csr_array, l2: float, dropout: float, n_head: int, top_n: int) -> NearestRegression:
    """Of items in falling order of their users, (I, U) float32.  Needs 4 H^2 bytes.

    Few candidates behind the head are looked at where their users have chosen so many items that it would take long.
    """
    by_user, gram = by_item.T.tocsr(), gram_matrix(by_item[:n_head])
    square = np.asarray(by_item.multiply(by_item).sum(axis=1), np.float32).ravel()
    readings = float((by_item[n_head:] @ np.diff(by_user.indptr).astype(np.float64)).sum())
    per_item = readings / max(1, by_item.shape[0] - n_head)
    max_tail = min(CANDIDATES * top_n, int(MAX_ENTRIES / max(1.0, per_item * by_item.shape[0])))
    common = square + penalties(square, l2, dropout)
    return NearestRegression(by_item, by_user, gram, common, np.sqrt(common), max_tail)


def nearest_weights(regression: NearestRegression, top_n: int) -> Weights:
    """Each item from its up to top_n strongest predictors.  Raises BadSettings where the penalty is too small."""

    def part(start: int, end: int) -> Weights:
        common = (regression.by_item[start:end] @ regression.by_user).tocsr()
        place = np.full(len(regression.common), MISSING, np.int64)
        source, value = [], []
        for row, item in enumerate(range(start, end)):
            inside = slice(common.indptr[row], common.indptr[row + 1])
            chosen, weight = _predictors(regression, item, common.indices[inside], common.data[inside], top_n, place)
            source.append(chosen)
            value.append(weight)
        target = np.repeat(np.arange(start, end), [len(each) for each in source])
        return Weights(np.concatenate(source), target, np.concatenate(value).astype(np.float64))

    return in_blocks(part, len(regression.common))


def _predictors(
    regression: NearestRegression, item: int, others: Ints, common: Floats, top_n: int, place: Longs
) -> tuple[Longs, Floats]:
    """The items that predict that one, rising, and their weights; from all that share users with it, (M,), (M,)."""
    indptr = regression.by_item.indptr
    top_n = min(top_n, PER_USER * int(indptr[item + 1] - indptr[item]))
    near = regression.candidates(item, others, common, CANDIDATES * top_n)
    items, shared = others[near].astype(np.int64), common[near].astype(np.float32)
    system, length = regression.system(items, place), regression.length[items]
    half = max(1, top_n // 2)
    # Grown by the residual, as a sparse approximate inverse is: Grote & Huckle 1997, section 3.
    chosen = np.sort(_highest(shared / length, half))
    rows = system.rows(chosen, np.arange(len(items)))
    residual = shared - _solved(rows[:, chosen], shared[chosen]) @ rows
    residual[chosen] = 0
    chosen = np.sort(np.concatenate((chosen, _highest(residual / length, half))))
    return items[chosen], _solved(system.rows(chosen, chosen), shared[chosen])


def _solved(system: Floats, common: Floats) -> Floats:
    if not len(common):
        return common
    _, weight, failed = sposv(system.T, common, lower=0)  # symmetric; the transpose is column-major, as LAPACK wants it
    if failed:
        raise BadSettings("model ease: l2 is too small for these data; try ten times as much")
    return np.asarray(weight, np.float32)


def _highest(score: Doubles | Floats, n: int) -> Longs:
    """Positions of the up to n highest scores above 0, in no order."""
    if len(score) > n:
        best = np.argpartition(-score, n - 1)[:n]
        return best[score[best] > 0]
    return np.flatnonzero(score > 0)


def _entries(matrix: csr_array, rows: Longs | Ints) -> tuple[Ints, Floats, Longs]:
    """Column, value, and number within `rows`, of each entry of these rows.  (P,) each"""
    starts = matrix.indptr[rows].astype(np.int64)
    lengths = matrix.indptr[rows + 1] - starts
    at = ranges(starts, lengths)
    return matrix.indices[at], matrix.data[at], np.repeat(np.arange(len(rows)), lengths)
