"""What shapes a list beyond the order its candidates have by themselves, in numbers: wishes of an ask, and rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.data.catalogue.catalogue import Catalogue, LabelColumn
from recsys.errors import BadInput
from recsys.ranking.filters.evaluate import column_of
from recsys.ranking.query import Query
from recsys.ranking.rerank.impression_discounting import SINKS, recently_shown

COUNTED = ("brand", "category")
MOST_FACTOR = 10.0  # and a tenth is the least: what is to go further down is buried
MOST_CANDIDATES = 5_000
DEEPER = 3  # candidates for each place, where they are chosen from by more than their order
FEWEST_CANDIDATES = 30  # as many as are remembered of a customer need no search


@dataclass(frozen=True, slots=True)
class Boost:
    """The places of these items are divided by `by`: above 1 they rise, below 1 they sink.  items (N,)"""

    items: Ints
    by: float


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` items with one value.  codes (I,): of each item's value, 0 for none, which is not capped.

    among (I,): only these items count, None for all.
    """

    codes: Ints
    most: int
    among: Bools | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """At least `least` of these items, as far as there are so many.  items (I,)"""

    items: Bools
    least: int


@dataclass(frozen=True, slots=True)
class Pin:
    """These items, as far as they may be shown, from that place on, which counts from 1.

    items (N,): in the order in which they stand; is_listed False: in the order of the question, the best `most`.
    """

    items: Ints
    slot: int
    most: int
    is_listed: bool


@dataclass(frozen=True, slots=True)
class Constraints:
    """tired: by position, how often it was shown lately.  buried (N,): stand below all others."""

    tired: Mapping[int, float] = field(default_factory=dict)
    raises: Sequence[Boost] = ()
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
        for raised in self.raises:
            factors[np.isin(items, raised.items)] *= raised.by
        return np.clip(factors, 1.0 / MOST_FACTOR, MOST_FACTOR)

    def sunk(self, items: Ints, k: int) -> Doubles:
        """How many places each of these items moves down in a list of k, having been shown lately.  (N,) -> (N,)"""
        if not self.tired:
            return np.zeros(len(items))
        return SINKS * k * np.array([self.tired.get(item, 0.0) for item in items.tolist()])

    def depth(self, k: int) -> int:
        """How many candidates decide the first k places.  At least k.

        The first k stand no lower than k over the least factor and what sinks most below that, and no lower than k and
        all that sink: what comes after that, times the greatest factor, cannot rise to them.
        """
        rising = math.prod(raised.by for raised in self.raises if raised.by > 1)
        least = math.prod(raised.by for raised in self.raises if raised.by < 1)
        lowest = k / max(least, 1.0 / MOST_FACTOR) + SINKS * k * max(self.tired.values(), default=0.0)
        sinking = len(self.tired) + sum(len(raised.items) for raised in self.raises if raised.by < 1)
        depth = math.ceil(min(lowest, k + sinking) * min(rising, MOST_FACTOR))
        if self.caps or self.diversity or self.seed is not None or self.min_score is not None:
            depth = max(depth, DEEPER * k, FEWEST_CANDIDATES)
        return max(k, min(depth, MOST_CANDIDATES))


def constraints_of(ask: Query, catalogue: Catalogue) -> Constraints:
    """The wishes of the ask in numbers.  Raises UnknownAttribute for one that no item has."""
    wished = ask.shape
    if wished is None:
        return Constraints()
    return Constraints(
        tired=recently_shown(ask, wished, catalogue) if wished.rotate else {},
        caps=[Cap(codes_by(name, catalogue), most) for name, most in sorted(wished.max_per.items())],
        min_score=wished.min_score,
        diversity=wished.diversity,
        seed=wished.seed,
    )


def codes_by(name: str, catalogue: Catalogue) -> Ints:
    """What items have of an attribute, as numbers, 0 for nothing.  (I,)  Raises UnknownAttribute."""
    return column(catalogue, name).codes if name in COUNTED else column_of(name, catalogue).codes(catalogue.n_items)


def column(catalogue: Catalogue, name: str) -> LabelColumn:
    """The words of one attribute.  Raises BadInput."""
    if name not in COUNTED:
        raise BadInput(f"no attribute {name!r} to count by; known: brand, category")
    return catalogue.brand if name == "brand" else catalogue.category
