"""Look-alikes of a list of customers: those whose columns of the table are most like the members'."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.customers.prediction.logistic import LogisticModel

MIN_MEMBERS = 50


@dataclass(frozen=True, slots=True)
class Lookalikes:
    """customer (K,): positions, the most alike first.  score (K,): chance to be a member, in a mixed sample.

    auc: how well members who were held out are told from others; .5 is chance.
    """

    customer: Ints
    score: Doubles
    auc: float

    def pairs(self) -> Iterator[tuple[int, float]]:
        """Customers with their scores, the most alike first."""
        return zip(self.customer.tolist(), self.score.tolist(), strict=True)


def most_alike(model: LogisticModel, features: Doubles, is_member: Bools, limit: int) -> tuple[Ints, Doubles]:
    """The customers who are no members, the most alike first, ties by position, at most `limit`; NaN is left out.

    features (U, F), is_member (U,) -> (<= limit,), (<= limit,)
    """
    score = model.probability(features)
    known = np.flatnonzero(~is_member & ~np.isnan(score))
    chosen = known[np.lexsort((known, -score[known]))][:limit]
    return chosen.astype(np.int32), score[chosen]
