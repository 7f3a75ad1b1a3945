"""EASE: a linear model in closed form that predicts every item from all others, pruned to the strongest weights."""

import logging
from dataclasses import dataclass
from math import isqrt
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_array

from recsys.arrays import Longs
from recsys.data.dataset.histories import UserItemPairs
from recsys.data.dataset.interactions import Interactions
from recsys.models.event_weights import saturated_matrix
from recsys.models.hyperparameters import AboveZero, Count, Dropout, HalfLifeDays, PositiveAmount
from recsys.models.neighbour_table import VotingModel, strongest_votes
from recsys.models.regression.nearest import fit_nearest, nearest_weights
from recsys.models.regression.ridge import Weights, fit_ridge, head_weights
from recsys.models.serialization import require_events

log = logging.getLogger(__name__)

AUTO_L2 = 40.0  # of the root: near the best published l2 from 12 customers an item to 3,000
MIB = 2**20
MAX_TERMS = 225_000_000  # of all small regressions together: 150 each for 10,000 items; it bounds the time of fitting


@dataclass(frozen=True, slots=True)
class EaseModel(VotingModel):
    """votes: how much each item of a history votes for others, or against them; only the strongest weights.

    head, tail: how many items the memory limit allows in one regression, and how many more take part.
    l2: the fitted penalty, 0 in an older release.
    """

    name: ClassVar[str] = "ease"
    head: int = 0
    tail: int = 0
    l2: float = 0.0

    @property
    def catalogue_split(self) -> str | None:
        """How the memory limit splits the catalogue; None where one regression holds all items."""
        if not self.head or not self.tail:
            return None
        rest = len(self.votes) - self.head - self.tail
        too_few = f", {rest:,} have too few customers" if rest else ""
        return f"{self.head + self.tail:,} items are each weighed by those nearest to them, not all at once{too_few}"


@dataclass(frozen=True, slots=True)
class Ease:
    """l2: penalty on all weights, in users; `auto` grows with the root of the mean number of users per item, times
    l2_scale, which a training searches.

    dropout: share of every history that fitting leaves out, a further penalty that grows with an item's users.
    memory_mib: limit of the one big matrix, 4 bytes per pair of items.  A larger catalogue takes part as a whole, too:
    each item is then predicted from the items nearest to it.
    min_customers: an item beyond the limit with fewer users is left out.  half_life_days: how fast an event fades.
    saturation: the smaller it is, the less repeats or higher ratings count; 0 counts only the first event.
    top_n, tail_top_n: how many items vote for an item (fewer in one regression of more than 5,600 items), and where
    the catalogue is larger than the limit.  max_votes: how many items an item of the history may vote for.
    max_history: how many items of a history count.  Both bound the time of a request.
    """

    l2: AboveZero | Literal["auto"] = "auto"
    dropout: Dropout = 0.3
    memory_mib: Count = 400
    min_customers: Count = 2
    half_life_days: HalfLifeDays = np.inf
    saturation: PositiveAmount = 0.5
    top_n: Count = 200
    tail_top_n: Count = 100
    max_votes: Count = 200
    max_history: Count = 300
    l2_scale: AboveZero = 1.0

    def fit(self, data: Interactions, rng: Generator) -> EaseModel:
        """Needs memory_mib and about 100 MiB more, and all cores for most of its linear algebra.

        The sizes of head and tail are logged.  Raises NotEnoughData without any event, BadSettings when l2 is too
        small for these data.
        """
        require_events(data)
        by_item, items, n_head = self._likes(data.histories.pairs(self.half_life_days))
        n_tail = len(items) - n_head
        log.info("ease_parted", extra={"head": n_head, "tail": n_tail, "items": data.n_items})
        l2 = self.l2_scale * _auto_l2(by_item) if self.l2 == "auto" else self.l2
        weights = self._weights(by_item, l2, n_head)
        votes = strongest_votes(
            items[weights.source],
            items[weights.target],
            weights.value,
            n_items=data.n_items,
            max_votes=self.max_votes,
        )
        return EaseModel(votes, self.half_life_days, self.saturation, self.max_history, n_head, n_tail, l2)

    def _weights(self, by_item: "csr_array[np.float32]", l2: float, n_head: int) -> Weights:
        """How far each of the items, most bought first, (I, U), predicts each other one."""
        if n_head < by_item.shape[0]:
            return nearest_weights(fit_nearest(by_item, l2, self.dropout, n_head, self.tail_top_n), self.tail_top_n)
        return head_weights(fit_ridge(by_item, l2, self.dropout), min(self.top_n, isqrt(MAX_TERMS // max(1, n_head))))

    def _likes(self, pairs: UserItemPairs) -> tuple["csr_array[np.float32]", Longs, int]:
        """How much each user likes each item that takes part, (n, U) float32; these items, most bought first.

        And how many of them the memory limit allows in one regression.
        """
        likes = saturated_matrix(pairs, self.saturation)
        customers = np.bincount(likes.indices, minlength=pairs.n_items)
        most_bought = np.argsort(-customers, kind="stable")
        n_head = min(isqrt(self.memory_mib * MIB // 4), int(np.count_nonzero(customers)))
        end = max(n_head, int(np.count_nonzero(customers >= self.min_customers)))
        items = most_bought[:end].astype(np.int64)
        return likes.T.tocsr()[items], items, n_head


def _auto_l2(by_item: "csr_array[np.float32]") -> float:
    return AUTO_L2 * float(np.sqrt(np.square(by_item.data).sum(dtype=np.float64) / max(1, by_item.shape[0])))
