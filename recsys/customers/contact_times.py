"""Best hour and day of a customer: shares of their orders, shrunk to those of the shop, and the evidence for them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final

import numpy as np

from recsys.arrays import AnyArray, Bytes, Doubles, Longs
from recsys.bundle.array_spec import ArraySpec, offsets
from recsys.customers.orders import Postings
from recsys.data.ids import Texts
from recsys.models.serialization import StoredFields
from recsys.time_units import DAY_MS, HOUR_MS, time_zone

HOURS, DAYS = 24, 7
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONDAY = 4  # 1970-01-05 was one
HOUR, DAY = 0, 1
BEST: Final = ("best_hour", "best_day")
_NONE = timedelta(0)
NOT_LEARNT = "no evidence: the release says nothing of hours and days; `recsys refresh --always` makes one that does"
NO_ORDER = "no order yet"

_doubles: Any = partial(np.empty, 0, np.float64)
_longs: Any = partial(np.empty, 0, np.int64)
_bytes: Any = partial(np.empty, 0, np.uint8)
_Bits = Annotated[Doubles, ArraySpec("2", nan=True, may_be_empty=True)]


@dataclass(frozen=True, slots=True)
class ContactTimes(StoredFields):
    """Hours and days of a release; all is empty in one made before this part existed.

    hour_share (24,), day_share (7,): of the orders of the shop.  For hour and day (2,): strength, how many orders as
    the shop's are added to a customer's own; gain, low, high: in bits, by which an own profile foretold each order that
    was held back better than the shop's, NaN where nothing could be held back; n_orders: of those orders.
    zone: name of the time zone, as one text.
    """

    hour_share: Annotated[Doubles, ArraySpec("24", low=0, high=1 + 1e-9, may_be_empty=True)] = field(
        default_factory=_doubles
    )
    day_share: Annotated[Doubles, ArraySpec("7", low=0, high=1 + 1e-9, may_be_empty=True)] = field(
        default_factory=_doubles
    )
    strength: Annotated[Doubles, ArraySpec("2", low=0, may_be_empty=True)] = field(default_factory=_doubles)
    gain: _Bits = field(default_factory=_doubles)
    low: _Bits = field(default_factory=_doubles)
    high: _Bits = field(default_factory=_doubles)
    n_orders: Annotated[Longs, ArraySpec("2", low=0, high=2**40, may_be_empty=True)] = field(default_factory=_longs)
    zone_offsets: Annotated[Longs, offsets("Z", "B", may_be_empty=True)] = field(default_factory=_longs)
    zone_blob: Annotated[Bytes, ArraySpec("B", rows="zone_offsets", text=True)] = field(default_factory=_bytes)

    @property
    def is_learnt(self) -> bool:
        return bool(len(self.hour_share))

    @property
    def zone(self) -> str:
        """The name of the time zone that hours and days are of."""
        return Texts(self.zone_blob, self.zone_offsets)[0] if self.is_learnt else "UTC"

    def doubt(self, axis: int) -> str | None:
        """Why nothing is said of hours or of days, in words; None where own profiles foretell orders better."""
        if not self.is_learnt:
            return NOT_LEARNT
        if np.isnan(self.low[axis]):
            return "no evidence: too few orders to hold some back and foretell them"
        if self.low[axis] > 0:
            return None
        interval = f"{self.gain[axis]:+.3f} bits an order, {self.low[axis]:+.3f} to {self.high[axis]:+.3f}"
        return (
            f"no evidence: own {('hours', 'days')[axis]} foretell no order better than those of the shop ({interval})"
        )

    def profiles(self, customer: Longs, at_ms: Longs, n: int, axis: int) -> Doubles:
        """Shrunk shares of n customers at each hour or day, from their orders.  (N,), (N,) -> (n, C)"""
        shop = (self.hour_share, self.day_share)[axis]
        counts = counts_of(customer, places_of(at_ms, self.zone)[axis], n, len(shop))
        return shrunk_profiles(counts, shop, float(self.strength[axis]))


def contact_figures(times: ContactTimes, postings: Postings) -> tuple[dict[str, Any], dict[str, str]]:
    """The part of the card about hours and days, and why something is blank, by its path.  postings: of a customer."""
    customer, at_ms = order_moments(postings.customer, postings.at_ms, postings.amounts.n_items)
    figures: dict[str, Any] = {"orders": len(at_ms), "time_zone": times.zone}
    reasons = {}
    for axis, name in enumerate(BEST):
        doubt = times.doubt(axis) or (None if len(at_ms) else NO_ORDER)
        if doubt is not None:
            figures[name], reasons[f"contact_time.{name}"] = None, doubt
            continue
        profile = times.profiles(customer * 0, at_ms, 1, axis)[0]
        place = int(profile.argmax())
        figures[name] = {
            "at": place_name(place, axis),
            "share": round(float(profile[place]), 4),
            "shop_share": round(float((times.hour_share, times.day_share)[axis][place]), 4),
        }
    return figures, reasons


def place_name(place: int, axis: int) -> str:
    """An hour as 17:00, a day as saturday."""
    return f"{place:02}:00" if axis == HOUR else WEEKDAYS[place]


def order_moments(customer: AnyArray, at_ms: Longs, n_items: AnyArray) -> tuple[Longs, Longs]:
    """Customer and moment of each purchase, each moment of a customer once.  Postings (P,) -> (N,), (N,)"""
    is_bought = n_items > 0
    pairs = np.unique(np.stack([customer[is_bought].astype(np.int64), at_ms[is_bought]], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]


def places_of(at_ms: Longs, zone: str) -> tuple[Longs, Longs]:
    """Hour of the day, 0 to 23, and day of the week, 0 is Monday, in that time zone.  (N,) -> (N,), (N,)"""
    local_ms = at_ms + _offsets_ms(at_ms, zone)
    return local_ms // HOUR_MS % HOURS, (local_ms // DAY_MS - MONDAY) % DAYS


def _offsets_ms(at_ms: Longs, zone: str) -> Longs | int:
    """How far the clocks of the zone are ahead of UTC at each moment."""
    if zone == "UTC":
        return 0
    hours, place = np.unique(at_ms // HOUR_MS, return_inverse=True)
    moments = (datetime.fromtimestamp(hour * HOUR_MS / 1_000, UTC).astimezone(time_zone(zone)) for hour in hours)
    ahead = [round((moment.utcoffset() or _NONE).total_seconds() * 1_000) for moment in moments]
    return np.array(ahead, np.int64)[place]


def counts_of(customer: Longs, place: Longs, n_customers: int, n_places: int) -> Doubles:
    """Orders of each customer at each place of the day or week.  (N,), (N,) -> (U, C)"""
    counts = np.bincount(customer * n_places + place, minlength=n_customers * n_places)
    return counts.reshape(n_customers, n_places).astype(np.float64)


def shop_profile(counts: Doubles) -> Doubles:
    """Share of the shop's orders at each place, with one order more at each.  (U, C) -> (C,)"""
    total = counts.sum(axis=0) + 1.0
    profile: Doubles = total / total.sum()
    return profile


def shrunk_profiles(counts: Doubles, shop: Doubles, strength: float) -> Doubles:
    """Share of each customer's orders at each place: `strength` orders as the shop's are added.  (U, C) -> (U, C)

    The mean of the Dirichlet posterior, Gelman et al. 2013, section 3.4.
    """
    profiles: Doubles = (counts + strength * shop) / (counts.sum(axis=1, keepdims=True) + strength)
    return profiles
