"""List constraints: boosts, caps, quotas and pins in numbers, from the options of a query and from rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.ranking.filters.columns import value_codes
from recsys.ranking.query import Query
from recsys.ranking.rerank.impression_discounting import DEMOTED_LISTS, recently_shown

MAX_FACTOR = 10.0  # factors are clipped to 1/10...10; an item that should be further down is buried
MAX_CANDIDATES = 5_000
CANDIDATES_PER_SLOT = 3  # where caps, diversity, exploration or a minimum score decide, not the order alone
MIN_CANDIDATES = 30  # as many as the cache holds of a customer, so they need no search


@dataclass(frozen=True, slots=True)
class Boost:
    """The places of these items are divided by `by`: above 1 they rise, below 1 they sink.  items (N,)"""

    items: Ints
    by: float


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` items with one value.  codes (I,): of each item's value, 0 for none, which has no cap.

    mask (I,): only these items count, None for all.
    """

    codes: Ints
    most: int
    mask: Bools | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """At least `least` of these items, as far as there are so many.  mask (I,)"""

    mask: Bools
    least: int


@dataclass(frozen=True, slots=True)
class Pin:
    """These items, as far as they are eligible, from that place on; slot counts from 1.

    items (N,).  is_ordered: True keeps their order, False takes the best `most` of them in the order of the query.
    """

    items: Ints
    slot: int
    most: int
    is_ordered: bool


@dataclass(frozen=True, slots=True)
class Constraints:
    """recently_shown: by position, how often the item was shown lately.  buried (N,): items below all others."""

    recently_shown: Mapping[int, float] = field(default_factory=dict)
    boosts: Sequence[Boost] = ()
    buried: Ints = field(default_factory=lambda: np.empty(0, np.int32))
    quotas: Sequence[Quota] = ()
    caps: Sequence[Cap] = ()
    pins: Sequence[Pin] = ()
    min_score: float | None = None
    diversity: float = 0.0
    seed: int | None = None

    @property
    def limits_draws(self) -> bool:
        """Whether exploration may draw an item that then has no room."""
        return bool(self.pins or self.caps or self.quotas or len(self.buried))

    def factors(self, items: Ints) -> Doubles:
        """What the place of each of these items is divided by, from a tenth to ten.  (N,) -> (N,)"""
        factors = np.ones(len(items))
        for boost in self.boosts:
            factors[np.isin(items, boost.items)] *= boost.by
        return np.clip(factors, 1.0 / MAX_FACTOR, MAX_FACTOR)

    def demotions(self, items: Ints, k: int) -> Doubles:
        """How many places each of these items moves down in a list of k, having been shown lately.  (N,) -> (N,)"""
        if not self.recently_shown:
            return np.zeros(len(items))
        return DEMOTED_LISTS * k * np.array([self.recently_shown.get(item, 0.0) for item in items.tolist()])

    def depth(self, k: int) -> int:
        """How many candidates decide the first k places.  At least k.

        The first k stand above n = min(k / smallest factor + largest demotion, k + number of sinking items).  An item
        below place n * largest factor cannot rise above n.
        """
        largest = math.prod(boost.by for boost in self.boosts if boost.by > 1)
        smallest = math.prod(boost.by for boost in self.boosts if boost.by < 1)
        lowest = k / max(smallest, 1.0 / MAX_FACTOR) + DEMOTED_LISTS * k * max(self.recently_shown.values(), default=0)
        n_sinking = len(self.recently_shown) + sum(len(boost.items) for boost in self.boosts if boost.by < 1)
        depth = math.ceil(min(lowest, k + n_sinking) * min(largest, MAX_FACTOR))
        if self.caps or self.diversity or self.seed is not None or self.min_score is not None:
            depth = max(depth, CANDIDATES_PER_SLOT * k, MIN_CANDIDATES)
        return max(k, min(depth, MAX_CANDIDATES))


def build_constraints(query: Query, catalogue: Catalogue) -> Constraints:
    """The options of the query in numbers.  Raises UnknownAttribute for one that no item has."""
    options = query.options
    if options is None:
        return Constraints()
    return Constraints(
        recently_shown=recently_shown(query, options, catalogue) if options.rotate else {},
        caps=[Cap(value_codes(name, catalogue), most) for name, most in sorted(options.max_per.items())],
        min_score=options.min_score,
        diversity=options.diversity,
        seed=options.seed,
    )
