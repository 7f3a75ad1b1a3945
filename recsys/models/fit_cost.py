"""Cost model of fitting: CPU seconds of one fit, foretold from the sizes of the data, the same on every machine.

The constants were measured with one thread on data of 50,000 to 1.4 million events (docs/benchmarks-models.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any, Final

import numpy as np

from recsys.data.dataset.interactions import Interactions
from recsys.models.als import Als
from recsys.models.base import Learner
from recsys.models.ease import MIB, Ease
from recsys.models.graph_filter import GraphFilter
from recsys.models.graph_walk import GraphWalk
from recsys.models.regression.nearest import CANDIDATES, MAX_ENTRIES
from recsys.models.regression.ridge import FEW_USERS
from recsys.models.seasonal import LEAST_DAYS, Seasonal
from recsys.models.self_attention.learner import SelfAttention
from recsys.models.sequence import Sequence


@dataclass(frozen=True, slots=True)
class DataSize:
    """Events, users, items that anyone has, (user, item) pairs, pairs of items that one user has, and days of log."""

    events: float
    users: float
    items: int
    pairs: float
    common: float
    days: float = 0.0

    @classmethod
    def of_data(cls, data: Interactions) -> "DataSize":
        pairs = data.histories.pairs()
        lengths = np.diff(pairs.offsets).astype(np.float64)
        n_items = len(np.unique(pairs.item))
        n_users = int(np.count_nonzero(lengths))
        common = float(np.square(lengths).sum())
        days = float(np.ptp(data.histories.at)) if len(pairs.item) else 0.0
        return cls(len(data.histories.item), n_users, n_items, len(pairs.item), common, days)

    def share(self, share: float) -> "DataSize":
        """The size of a sample of the users."""
        parts = {name: getattr(self, name) * share for name in ("events", "users", "pairs", "common")}
        return replace(self, **parts)


def foretold_seconds(learner: Learner, size: DataSize) -> float:
    """CPU seconds of one fit; for a learner without a formula as for a pass over the events."""
    formula = FORMULAS.get(type(learner))
    return formula(learner, size) if formula is not None else 2e-6 * size.events


def shortage(learner: Learner, size: DataSize) -> str | None:
    """What a try of that learner lacks, in words; None where the data are enough."""
    if size.events < MIN_EVENTS.get(type(learner), 0):
        return f"{MIN_EVENTS[type(learner)]:,} events are needed to try it"
    if size.days < MIN_DAYS.get(type(learner), 0):
        return f"a log of {MIN_DAYS[type(learner)]:g} days is needed to try it"
    return None


def judging_seconds(n_users: int, n_items: int) -> float:
    """CPU seconds of the lists that one model makes for so many users."""
    return n_users * (1e-4 + 1.5e-8 * n_items)


def _als(learner: Als, size: DataSize) -> float:
    _, _, factors = learner.settings_for(int(size.users), size.items, int(size.pairs))
    return learner.iterations * factors * (3e-9 * size.pairs + 3.5e-8 * (size.users + size.items))


def _ease(learner: Ease, size: DataSize) -> float:
    head = min(size.items, isqrt(learner.memory_mib * MIB // 4))
    if head < size.items:
        readings = min(MAX_ENTRIES, CANDIDATES * learner.tail_top_n * 0.3 * size.common)
        return 2e-6 * learner.tail_top_n * size.items + 1e-8 * readings + 1.2e-8 * size.common
    order = size.users if size.users * FEW_USERS <= head else head
    return 2e-3 * min(head, 5_000) + 4e-12 * head**2 * order


def _graph_filter(learner: GraphFilter, size: DataSize) -> float:
    factors = learner.n_factors(int(size.users), size.items)
    return _common_users(learner, size) + 2.5e-8 * factors * size.pairs


def _sequence(learner: Sequence, size: DataSize) -> float:
    return learner.window / 30 * 8e-6 * size.events


def _self_attention(learner: SelfAttention, size: DataSize) -> float:
    return 4.0 + learner.affordable_epochs(size.events, size.items) * learner.epoch_seconds(size.events, size.items)


def _common_users(_learner: Learner, size: DataSize) -> float:
    return 8e-8 * size.common + 1e-6 * size.pairs


FORMULAS: Final[Mapping[type[Any], Callable[[Any, DataSize], float]]] = {
    Als: _als,
    Ease: _ease,
    GraphFilter: _graph_filter,
    GraphWalk: _common_users,
    SelfAttention: _self_attention,
    Sequence: _sequence,
}
# With less, a model is not worth a try.
MIN_EVENTS: Final[Mapping[type[Any], int]] = {SelfAttention: 20_000}
MIN_DAYS: Final[Mapping[type[Any], float]] = {Seasonal: LEAST_DAYS}
