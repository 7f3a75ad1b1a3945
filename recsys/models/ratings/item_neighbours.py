"""Item-kNN for ratings: the user's residuals on similar items, over the baseline."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs, ranges
from recsys.bundle.array_spec import ArraySpec, offsets, positions
from recsys.data.dataset.ratings import RatedItems, Ratings
from recsys.models.hyperparameters import Count, PositiveAmount
from recsys.models.neighbour_table import first_of_each_row
from recsys.models.ratings.base import RatingBaselineModel, ResidualLearner, ResidualModel
from recsys.models.serialization import StoredAmount, StoredCount

if TYPE_CHECKING:
    from scipy import sparse

_BLOCK_CELLS = 2_000_000  # of the item-item table held at once: about 150 MB
_SAMPLE_BLOCKS = 8
_SHRINKAGES = (10.0, 500.0)  # limits: few data may give any estimate


@dataclass(frozen=True, slots=True)
class ItemRatingsModel(ResidualModel):
    """offsets (I + 1,), neighbour, likeness (P,): the most similar items, best first; likeness in (0, 1].

    k, power, doubt: see ItemRatings.
    """

    name: ClassVar[str] = "item_knn"
    offsets: Annotated[Longs, offsets("I", "P")]
    neighbour: Annotated[Ints, positions("P", "I")]
    likeness: Annotated[Floats, ArraySpec("P", low=0)]
    k: StoredCount
    power: Annotated[float, ArraySpec(low=0, high=100)]
    doubt: StoredAmount

    def estimate(self, rated: RatedItems, items: Ints) -> Floats:
        known, base = self.baseline.known(rated), self.baseline.estimate(rated, items)
        if not len(known.item):
            return base
        inside = items < self.baseline.n_items
        start = np.where(inside, self.offsets[np.where(inside, items, 0)], 0)
        length = np.where(inside, self.offsets[np.where(inside, items + 1, 0)] - start, 0)
        target = np.repeat(np.arange(len(items)), length)
        at = ranges(start, length)
        neighbour = self.neighbour[at]
        place = np.minimum(np.searchsorted(known.item, neighbour), len(known.item) - 1)
        has = known.item[place] == neighbour
        residual = self.baseline.residuals(known)[place[has]]
        weight = self.likeness[at[has]] ** np.float32(self.power)
        return base + weighted_vote(target[has], weight, residual, k=self.k, doubt=self.doubt, n=len(items))


@dataclass(frozen=True, slots=True)
class ItemRatings(ResidualLearner[ItemRatingsModel]):
    """Pearson-baseline similarity with shrinkage (Koren 2010, section 2.2), a power of it, and shrinkage of the votes.

    k: how many of a user's items vote.  shrinkage: with so many common users a similarity counts for half;
    None estimates it from the ratings, see estimate_shrinkage.
    power: the higher, the more the nearest items decide.  doubt: weight of the baseline among the votes.
    top_n: neighbours kept of each item.  most_ratings: a random sample of so many ratings per user is compared.
    """

    k: Count = 80
    shrinkage: PositiveAmount | None = None
    power: PositiveAmount = 2.0
    doubt: PositiveAmount = 0.02
    top_n: Count = 400
    most_ratings: Count = 1_000

    def fit_residuals(self, baseline: RatingBaselineModel, ratings: Ratings, rng: Generator) -> ItemRatingsModel:
        residual = residuals(baseline, ratings)
        sampled = _sample_per_user(ratings, rng, self.most_ratings)
        matrix = ratings.only(sampled).matrix(residual[sampled])
        shrinkage = estimate_shrinkage(matrix, rng) if self.shrinkage is None else self.shrinkage
        blocks = [_best(block, self.top_n) for block in similarities(matrix, shrinkage=shrinkage)]
        counts, neighbour, likeness = (np.concatenate(column) for column in zip(*blocks, strict=True))
        return ItemRatingsModel(
            baseline=baseline,
            offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            neighbour=neighbour,
            likeness=likeness,
            k=self.k,
            power=self.power,
            doubt=self.doubt,
        )


def weighted_vote(target: Longs, weight: Doubles | Floats, vote: Floats, *, k: int, doubt: float, n: int) -> Floats:
    """sum(weight * vote) / (sum(weight) + doubt) over the first k votes of each target: (n,), 0 without votes.

    target (V,) ascending, the best vote first within each; weight above 0 and vote (V,).
    """
    counts = np.bincount(target, minlength=n)
    rank = np.arange(len(target)) - np.repeat(np.cumsum(counts) - counts, counts)
    near = rank < k
    target, weight, vote = target[near], weight[near], vote[near]
    total = np.bincount(target, weight, n) + doubt
    weighted = np.bincount(target, weight.astype(np.float64) * vote, n)
    mean: Floats = np.divide(weighted, total, out=np.zeros(n), where=total > 0).astype(np.float32)
    return mean


def residuals(baseline: RatingBaselineModel, ratings: Ratings) -> Floats:
    """The residual of every rating over the baseline: (P,)."""
    user = ratings.user
    above = ratings.value - np.float32(baseline.mean) - baseline.item_bias[ratings.item]
    count = np.diff(ratings.offsets)
    bias = np.bincount(user, above, len(ratings)) / (count + baseline.user_shrinkage)
    return (above - bias[user]).astype(np.float32)


def similarities(residual: "sparse.csr_array", *, shrinkage: float) -> "Iterator[sparse.csr_array]":
    """Blocks of rows of the item-item similarity, only above 0, not with itself.  residual (U, I) -> (B, I) each.

    Over the n who rated both, rho = sum(x y) / sqrt(sum(x^2) sum(y^2)), shrunk by (n - 1) / (n - 1 + shrinkage).
    """
    n_items = residual.shape[1]
    pairs = _ItemPairs(residual)
    rows = max(1, _BLOCK_CELLS // max(n_items, 1))
    for start in range(0, n_items, rows):
        common, rho = pairs.correlations(np.arange(start, min(start + rows, n_items)))
        n = common.data.astype(np.float64) - 1
        common.data = (rho * np.divide(n, n + shrinkage, out=np.zeros_like(n), where=n > 0)).astype(np.float32)
        common.data[_rows(common) + start == common.indices] = 0
        common.data[common.data < 0] = 0
        common.eliminate_zeros()
        yield common


def estimate_shrinkage(residual: "sparse.csr_array", rng: Generator) -> float:
    """1 / variance of the true similarities, estimated from a sample of items by the method of moments.

    Between unrelated items, n common users give rho^2 an expectation of 1 / n; the excess is true similarity.
    With that many common users, noise and true similarity have the same variance, so a similarity counts for half.
    """
    n_items = residual.shape[1]
    sample = np.sort(rng.permutation(n_items)[: max(1, _SAMPLE_BLOCKS * _BLOCK_CELLS // max(n_items, 1))])
    pairs, excess, total = _ItemPairs(residual), 0.0, 0.0
    for part in np.array_split(sample, _SAMPLE_BLOCKS):
        common, rho = pairs.correlations(part)
        others = (part[_rows(common)] != common.indices) & (common.data > 1)
        n = common.data[others].astype(np.float64)
        excess += float(n @ rho[others] ** 2 - len(n))
        total += float(n.sum())
    return float(np.clip(total / max(excess, 1e-9), *_SHRINKAGES))


class _ItemPairs:
    """Correlation of the ratings of two items by their common users.  residual (U, I)."""

    def __init__(self, residual: "sparse.csr_array") -> None:
        is_rated, squared = residual.copy(), residual.copy()
        is_rated.data, squared.data = np.ones_like(residual.data), residual.data**2
        self._all = residual, is_rated, squared
        self._columns = [matrix.T.tocsr() for matrix in self._all]

    def correlations(self, items: Longs) -> "tuple[sparse.csr_array, Doubles]":
        """Number of common users of each item with every other, (B, I), and rho in those cells.  Koren 2010."""
        residual, is_rated, squared = self._all
        x, has_x, xx = (matrix[items] for matrix in self._columns)
        common = has_x @ is_rated
        cells = _rows(common), common.indices
        # Full tables: sparse products leave out cells that happen to be 0, so their cells would not match.
        product, own, other = (
            table.toarray()[cells].astype(np.float64) for table in (x @ residual, xx @ is_rated, has_x @ squared)
        )
        length = np.sqrt(own * other)
        return common, np.divide(product, length, out=np.zeros_like(length), where=length > 0)


def _rows(block: "sparse.csr_array") -> Longs:
    return np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))


def _sample_per_user(ratings: Ratings, rng: Generator, most: int) -> Bools:
    """A random sample of at most so many ratings of each user: the work grows with their square.  (P,)."""
    counts = np.diff(ratings.offsets)
    if not len(counts) or counts.max() <= most:
        return np.ones(len(ratings.item), np.bool_)
    kept = np.zeros(len(ratings.item), np.bool_)
    keys = (rng.random(len(ratings.item)),)
    kept[first_of_each_row(ratings.user, keys, n_rows=len(ratings), most=most)[0]] = True
    return kept


def _best(block: "sparse.csr_array", top_n: int) -> tuple[Longs, Ints, Floats]:
    """The top_n values of every row, best first, ties by position: count (B,), column, value."""
    keys = (block.indices, -block.data)
    kept, offsets = first_of_each_row(_rows(block), keys, n_rows=block.shape[0], most=top_n)
    return np.diff(offsets), block.indices[kept].astype(np.int32), block.data[kept].astype(np.float32)
