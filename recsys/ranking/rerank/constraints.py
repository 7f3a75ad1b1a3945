"""List constraints: boosts, caps, quotas and pins in numbers, from the options of a query and from rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.data.catalogue.catalogue import Catalogue, LabelColumn
from recsys.errors import BadInput
from recsys.ranking.filters.columns import attribute_column
from recsys.ranking.query import Query
from recsys.ranking.rerank.impression_discounting import DEMOTED_LISTS, recently_shown

COUNTED = ("brand", "category")
MOST_FACTOR = 10.0  # and a tenth is the least: an item that should be further down is buried
MOST_CANDIDATES = 5_000
DEEPER = 3  # candidates for each place, where more than their order decides
FEWEST_CANDIDATES = 30  # as many as the cache holds of a customer, so they need no search


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

    def factors(self, items: Ints) -> Doubles:
        """What the place of each of these items is divided by, from a tenth to ten.  (N,) -> (N,)"""
        factors = np.ones(len(items))
        for boost in self.boosts:
            factors[np.isin(items, boost.items)] *= boost.by
        return np.clip(factors, 1.0 / MOST_FACTOR, MOST_FACTOR)

    def demotions(self, items: Ints, k: int) -> Doubles:
        """How many places each of these items moves down in a list of k, having been shown lately.  (N,) -> (N,)"""
        if not self.recently_shown:
            return np.zeros(len(items))
        return DEMOTED_LISTS * k * np.array([self.recently_shown.get(item, 0.0) for item in items.tolist()])

    def depth(self, k: int) -> int:
        """How many candidates decide the first k places.  At least k.

        The first k stand no lower than k over the smallest factor plus the largest demotion, and no lower than k plus
        the number of items that sink: what comes after that, times the largest factor, cannot rise to them.
        """
        largest = math.prod(boost.by for boost in self.boosts if boost.by > 1)
        smallest = math.prod(boost.by for boost in self.boosts if boost.by < 1)
        lowest = k / max(smallest, 1.0 / MOST_FACTOR) + DEMOTED_LISTS * k * max(self.recently_shown.values(), default=0)
        n_sinking = len(self.recently_shown) + sum(len(boost.items) for boost in self.boosts if boost.by < 1)
        depth = math.ceil(min(lowest, k + n_sinking) * min(largest, MOST_FACTOR))
        if self.caps or self.diversity or self.seed is not None or self.min_score is not None:
            depth = max(depth, DEEPER * k, FEWEST_CANDIDATES)
        return max(k, min(depth, MOST_CANDIDATES))


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


def value_codes(name: str, catalogue: Catalogue) -> Ints:
    """The value of an attribute of each item, as a number, 0 for none.  (I,)  Raises UnknownAttribute."""
    if name in COUNTED:
        return label_column(catalogue, name).codes
    return attribute_column(name, catalogue).codes(catalogue.n_items)


def label_column(catalogue: Catalogue, name: str) -> LabelColumn:
    """The words of brand or category.  Raises BadInput."""
    if name not in COUNTED:
        raise BadInput(f"no attribute {name!r} to count by; known: brand, category")
    return catalogue.brand if name == "brand" else catalogue.category
