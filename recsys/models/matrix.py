"""Learners on a sparse matrix of users and items, as users of implicit, RecTools and LensKit know them.

from recsys.models import ALS
model = ALS(factors=64).fit(matrix)
ids, scores = model.recommend([0, 7], k=10)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from scipy.sparse import csr_array, sparray, spmatrix

from recsys.arrays import AnyArray, Floats, Ints, top_k
from recsys.data.dataset.histories import Histories, build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.data.ids import MISSING
from recsys.errors import BadInput
from recsys.models.base import ItemModel, Learner, Model
from recsys.models.registry import learner

SparseMatrix: TypeAlias = sparray | spmatrix  # users x items, above 0 where the user chose the item
Rows: TypeAlias = int | Sequence[int] | AnyArray | SparseMatrix
MAX_SCORES = 20_000_000  # scores in memory at a time
# What a matrix does not hold, by the models that are nothing without it.
NEEDS = {"buy_again": "dates of purchases", "sequence": "dates of events", "content": "descriptions of items"}


@dataclass(frozen=True, slots=True)
class MatrixModel:
    """A fitted model, and the histories it was fitted to."""

    model: Model
    histories: Histories

    def recommend(self, users: Rows, k: int = 10, *, keep_seen: bool = False) -> tuple[Ints, Floats]:
        """The k best items of each user, best first, with their scores: (Q, k) int32, (Q, k) float32.

        users: row numbers of the fitted matrix, or a matrix (Q, I) of histories, which may belong to new users.
        Items of the history are left out unless `keep_seen`.  Where the model knows no further item, the id is -1 and
        the score 0.  Raises BadInput for a row that does not exist, and for a matrix of other items.
        """
        chosen = self._histories(users)
        ids = np.full((len(chosen), k), MISSING, np.int32)
        scores = np.zeros((len(chosen), k), np.float32)
        for first, batch in self._batches(chosen):
            for row, own in enumerate(self.model.score(batch).astype(np.float32)):
                if not keep_seen:
                    own[batch.item[batch.offsets[row] : batch.offsets[row + 1]]] = 0
                best = _known_best(own, k)
                ids[first + row, : len(best)], scores[first + row, : len(best)] = best, own[best]
        return ids, scores

    def similar(self, item: int, k: int = 10) -> tuple[Ints, Floats]:
        """Up to k other items with their similarity above 0, best first.

        Raises BadInput for a model that does not compare items, and for an item that does not exist.
        """
        if not isinstance(self.model, ItemModel):
            raise BadInput(f"{self.model.name} does not know which items are alike; take ALS or ItemNeighbours")
        if not 0 <= item < self.histories.n_items:
            raise BadInput(f"item {item}: the matrix has items 0 to {self.histories.n_items - 1}")
        return self.model.similar(item, k)

    def _histories(self, users: Rows) -> Histories:
        if isinstance(users, sparray | spmatrix):
            return matrix_histories(users, n_items=self.histories.n_items)
        rows = np.atleast_1d(np.asarray(users, np.int64))
        outside = rows[(rows < 0) | (rows >= len(self.histories))]
        if len(outside):
            raise BadInput(f"user {outside[0]}: the matrix has users 0 to {len(self.histories) - 1}")
        return self.histories.take(rows)

    def _batches(self, chosen: Histories) -> Iterator[tuple[int, Histories]]:
        size = max(1, MAX_SCORES // chosen.n_items)
        for first in range(0, len(chosen), size):
            yield first, chosen.take(range(first, min(first + size, len(chosen))))


@dataclass(frozen=True, slots=True)
class MatrixLearner:
    """A learner that fits a sparse matrix."""

    learner: Learner

    def fit(self, matrix: SparseMatrix, *, seed: int = 0) -> MatrixModel:
        """Learns from a matrix (U, I) of weights, such as 1 or how often; the same seed gives the same model.

        Raises BadInput for a weight that is no number, NotEnoughData for a matrix without any.
        """
        histories = matrix_histories(matrix)
        ones = np.ones(len(histories.item), np.float32)
        # Without times and orders, all that a user chose is one basket.
        basket, category = -1 - histories.user.astype(np.int32), np.zeros(histories.n_items, np.int32)
        data = Interactions(histories, basket, ones, category)
        return MatrixModel(self.learner.fit(data, np.random.default_rng(seed)), histories)


def matrix_learner(name: str, **params: Any) -> MatrixLearner:
    """The learner of that name with those hyper-parameters.

    Raises UnknownModel, BadSettings; BadInput for a model that needs more than a matrix.
    """
    if name in NEEDS:
        raise BadInput(f"{name} needs {NEEDS[name]}, which a matrix does not hold; use recsys.Shop.from_frames")
    return MatrixLearner(learner(name, params))


def matrix_histories(matrix: SparseMatrix, *, n_items: int | None = None) -> Histories:
    """The rows as histories without times: one purchase for each entry, with the entry as its weight.

    Raises BadInput for a matrix of other than `n_items` items, and for an entry that is no number.
    """
    entries = csr_array(cast(Any, matrix), dtype=np.float32, copy=True)
    entries.sum_duplicates()
    entries.eliminate_zeros()
    if n_items not in (None, entries.shape[1]):
        raise BadInput(f"the rows have {entries.shape[1]} items, the fitted matrix {n_items}")
    if not np.isfinite(entries.data).all():
        raise BadInput("the matrix holds a weight that is no number; leave such entries out")
    n_users, columns = entries.shape
    user = np.repeat(np.arange(n_users, dtype=np.int32), np.diff(entries.indptr))
    return build_histories(
        user=user,
        item=entries.indices.astype(np.int32),
        at=np.zeros(len(user)),
        weight=entries.data,
        kind=np.full(len(user), Kind.PURCHASE, np.int8),
        n_users=n_users,
        n_items=columns,
        now=0.0,
    )


def _known_best(scores: Floats, k: int) -> Ints:
    """The k best items of those that the model knows anything about: 0 stands for unknown."""
    known = np.flatnonzero(scores).astype(np.int32)
    return known[top_k(scores[known], k)]
