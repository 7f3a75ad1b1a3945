"""What shapes a list beyond the order its candidates have by themselves, in numbers: wishes of an ask, and rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from recsys.arrays import DAY_MS, Bools, Doubles, Ints
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING
from recsys.data.shelf import Catalogue, Labels
from recsys.errors import BadInput
from recsys.ranking.matching import column_of
from recsys.ranking.query import Ask

COUNTED = ("brand", "category")
MOST_FACTOR = 10.0  # and a tenth is the least: what is to go further down is buried
MOST_CANDIDATES = 5_000
ROTATE_DAYS = 1.0  # half-life of having been shown
ROTATE = 2.0  # what was just shown once stands at three times its place
DEEPER = 3  # candidates for each place, where they are chosen from by more than their order
FEWEST_CANDIDATES = 30  # as many as are remembered of a customer need no search


@dataclass(frozen=True, slots=True)
class Raise:
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
class Shaping:
    """tired: by position, how much its place is multiplied by.  buried (N,): stand below all others."""

    tired: Mapping[int, float] = field(default_factory=dict)
    raises: Sequence[Raise] = ()
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
        if self.tired:
            factors /= [self.tired.get(item, 1.0) for item in items.tolist()]
        return np.clip(factors, 1.0 / MOST_FACTOR, MOST_FACTOR)

    def depth(self, k: int) -> int:
        """How many candidates decide the first k places.  At least k.

        The first k stand no lower than k over the least factor, and no lower than k and all that sink: what comes
        after that, times the greatest factor, cannot rise to them.
        """
        rising = math.prod(raised.by for raised in self.raises if raised.by > 1)
        least = math.prod(raised.by for raised in self.raises if raised.by < 1) / max(1.0, *self.tired.values(), 1.0)
        sinking = len(self.tired) + sum(len(raised.items) for raised in self.raises if raised.by < 1)
        depth = math.ceil(min(k / max(least, 1.0 / MOST_FACTOR), k + sinking) * min(rising, MOST_FACTOR))
        if self.caps or self.diversity or self.seed is not None or self.min_score is not None:
            depth = max(depth, DEEPER * k, FEWEST_CANDIDATES)
        return max(k, min(depth, MOST_CANDIDATES))


def shaping_of(ask: Ask, catalogue: Catalogue) -> Shaping:
    """The wishes of the ask in numbers.  Raises UnknownAttribute for one that no item has."""
    wished = ask.shape
    if wished is None:
        return Shaping()
    return Shaping(
        tired=_shown_lately(ask, wished.shown, catalogue) if wished.rotate else {},
        caps=[Cap(codes_by(name, catalogue), most) for name, most in sorted(wished.max_per.items())],
        min_score=wished.min_score,
        diversity=wished.diversity,
        seed=wished.seed,
    )


def codes_by(name: str, catalogue: Catalogue) -> Ints:
    """What items have of an attribute, as numbers, 0 for nothing.  (I,)  Raises UnknownAttribute."""
    return column(catalogue, name).codes if name in COUNTED else column_of(name, catalogue).codes(catalogue.n_items)


def column(catalogue: Catalogue, name: str) -> Labels:
    """The words of one attribute.  Raises BadInput."""
    if name not in COUNTED:
        raise BadInput(f"no attribute {name!r} to count by; known: brand, category")
    return catalogue.brand if name == "brand" else catalogue.category


def _shown_lately(ask: Ask, before: Sequence[Event], catalogue: Catalogue) -> dict[int, float]:
    """Each time an item was shown lowers its place in proportion, half as much after a day.

    What the customer did something with after that is not tired of.
    """
    of_log = {event.event_id: event for event in (*before, *ask.recent)}
    events = [*of_log.values(), *ask.session]
    done: dict[str, int] = {}
    for event in events:
        if event.kind != Kind.IMPRESSION:
            done[event.item_id] = max(event.at_ms, done.get(event.item_id, 0))
    tired: dict[str, float] = {}
    for event in events:
        if event.kind == Kind.IMPRESSION and event.at_ms >= done.get(event.item_id, 0):
            age_days = max(0.0, (ask.now_ms - event.at_ms) / DAY_MS)
            tired[event.item_id] = tired.get(event.item_id, 0.0) + math.exp2(-age_days / ROTATE_DAYS)
    found = {catalogue.position(item_id): min(1.0 + ROTATE * often, MOST_FACTOR) for item_id, often in tired.items()}
    found.pop(MISSING, None)
    return found
