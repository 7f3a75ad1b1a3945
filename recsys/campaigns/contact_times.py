"""Best hour and day of the customers of a campaign: for its list, and counted for its plan."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recsys.arrays import Ints, Longs
from recsys.customers.contact_times import BEST, NO_ORDER, ContactTimes, order_moments, place_name
from recsys.customers.population import MIN_GROUP
from recsys.data.ids import MISSING
from recsys.engine.engine import Engine

CHUNK = 50_000  # customers, whose profiles are in memory together


@dataclass(frozen=True, slots=True)
class BestTimes:
    """By BEST, for n customers: places (n,), MISSING where nothing is known.  doubts: why nothing is said."""

    places: Mapping[str, Longs]
    doubts: Mapping[str, str]
    zone: str

    def column(self, name: str) -> list[str]:
        """The hour or day of each customer, empty where nothing is known."""
        axis = BEST.index(name)
        return ["" if at == MISSING else place_name(at, axis) for at in self.places[name].tolist()]

    @property
    def notes(self) -> list[str]:
        """What a reader of the list should know, in words."""
        known = [name for name in BEST if name not in self.doubts]
        zone = [f"{' and '.join(map(_words, known))} are those of {self.zone}"] if known else []
        n = int((self.places[known[0]] == MISSING).sum()) if known else 0
        blank = [f"{n:,} have no best hour and day: {NO_ORDER}"] if n else []
        return zone + blank + [f"{_words(name)}: {doubt}" for name, doubt in self.doubts.items()]

    def to_json(self) -> dict[str, Any]:
        """How many customers have each hour and each day, the most first, without those of fewer than MIN_GROUP."""
        counts = {name: None if name in self.doubts else _counted(self.column(name)) for name in BEST}
        return {"time_zone": self.zone, **counts, "unknown": dict(self.doubts)}


def best_times(engine: Engine, rows: Ints | Longs) -> BestTimes:
    """The times of the customers in these rows of the release (n,); it knows nothing of MISSING and of higher rows."""
    times = engine.contact_times
    doubts = {name: doubt for axis, name in enumerate(BEST) if (doubt := times.doubt(axis)) is not None}
    places = {name: np.full(len(rows), MISSING) for name in BEST}
    for first in range(0, len(rows), CHUNK):
        chunk = slice(first, first + CHUNK)
        number, at_ms = _moments(engine, rows[chunk])
        for axis, name in enumerate(BEST):
            if name not in doubts:
                places[name][chunk] = _best(times, number, at_ms, len(rows[chunk]), axis)
    return BestTimes(places, doubts, times.zone)


def _best(times: ContactTimes, number: Longs, at_ms: Longs, n: int, axis: int) -> Longs:
    place: Longs = times.profiles(number, at_ms, n, axis).argmax(axis=1)
    place[np.bincount(number, minlength=n) == 0] = MISSING
    return place


def _moments(engine: Engine, rows: Ints | Longs) -> tuple[Longs, Longs]:
    """The purchases of the customers, numbered by their places in `rows`."""
    orders = engine.customer_orders
    if not len(orders):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    is_known = (rows != MISSING) & (rows < len(orders))
    own = np.where(is_known, rows, 0)
    begins = orders.user_offsets[own]
    n = np.where(is_known, orders.user_offsets[own + 1] - begins, 0)
    number = np.repeat(np.arange(len(rows)), n)
    posting = np.arange(n.sum()) + np.repeat(begins - (n.cumsum() - n), n)
    return order_moments(number, orders.at_ms[posting], orders.n_items[posting])


def _counted(names: Sequence[str]) -> list[dict[str, Any]]:
    counts = Counter(name for name in names if name)
    return [{"at": name, "customers": n} for name, n in counts.most_common() if n >= MIN_GROUP]


def _words(name: str) -> str:
    return name.replace("_", " ")
