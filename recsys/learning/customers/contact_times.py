"""Learning of the best hour and day: how strongly own profiles shrink, and a back-test of whether they say anything."""

from typing import Final, NamedTuple

import numpy as np
from scipy.special import gammaln

from recsys.arrays import Doubles, Longs
from recsys.customers.contact_times import (
    DAY,
    DAYS,
    HOUR,
    HOURS,
    ContactTimes,
    counts_of,
    order_moments,
    places_of,
    shop_profile,
    shrunk_profiles,
)
from recsys.customers.orders import Postings
from recsys.customers.population import MIN_GROUP
from recsys.data.ids import Texts
from recsys.inference.clustered import mean_interval
from recsys.time_units import DAY_MS

HELD_BACK_DAYS = 91
STRENGTHS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 1e5)
MOST_CUSTOMERS = 20_000  # drawn by chance: more of them do not change what is learnt


class ProfileGain(NamedTuple):
    """In bits for each of n orders held back, with an interval of 95 %; NaN where too few were."""

    gain: float
    low: float
    high: float
    n: int


def learn_contact_times(postings: Postings, zone: str, rng: np.random.Generator) -> ContactTimes:
    """What a release says of hours and days in that time zone; empty without an order."""
    customer, at_ms = order_moments(postings.customer, postings.at_ms, postings.amounts.n_items)
    if not len(at_ms):
        return ContactTimes()
    customer, at_ms = _sample(customer, at_ms, rng)
    cut_ms = cut_of(at_ms)
    shares, strengths, gains = [], [], []
    for place, n_places in zip(places_of(at_ms, zone), (HOURS, DAYS), strict=True):
        counts = counts_of(customer, place, int(customer.max()) + 1, n_places)
        shares.append(shop_profile(counts))
        strengths.append(fitted_strength(counts, shares[-1]))
        gains.append(profile_gain(customer, at_ms, place, n_places, cut_ms))
    gain, low, high, n = zip(*gains, strict=True)
    name = Texts.from_strings([zone])
    return ContactTimes(
        hour_share=shares[HOUR],
        day_share=shares[DAY],
        strength=np.array(strengths),
        gain=np.array(gain),
        low=np.array(low),
        high=np.array(high),
        n_orders=np.array(n, np.int64),
        zone_offsets=name.offsets,
        zone_blob=name.blob,
    )


def cut_of(at_ms: Longs) -> int:
    """The moment from which orders are held back: the last HELD_BACK_DAYS, of a short log its last quarter."""
    first, last = int(at_ms.min()), int(at_ms.max())
    return last - min(HELD_BACK_DAYS * DAY_MS, (last - first) // 4)


def profile_gain(customer: Longs, at_ms: Longs, place: Longs, n_places: int, cut_ms: int) -> ProfileGain:
    """The gain of own profiles over that of the shop on the orders from the cut on, all learnt before it."""
    is_past, n = at_ms < cut_ms, int(customer.max()) + 1
    later = ~is_past
    n_orders = int(later.sum())
    if min(len(np.unique(customer[is_past])), len(np.unique(customer[later]))) < MIN_GROUP:
        return ProfileGain(np.nan, np.nan, np.nan, n_orders)
    counts = counts_of(customer[is_past], place[is_past], n, n_places)
    shop = shop_profile(counts)
    own = shrunk_profiles(counts, shop, fitted_strength(counts, shop))
    bits = np.log2(own[customer[later], place[later]] / shop[place[later]])
    return ProfileGain(*mean_interval(bits, customer[later]), n_orders)


def _sample(customer: Longs, at_ms: Longs, rng: np.random.Generator) -> tuple[Longs, Longs]:
    """The orders of MOST_CUSTOMERS customers at most, who are numbered anew."""
    known, number = np.unique(customer, return_inverse=True)
    if len(known) <= MOST_CUSTOMERS:
        return number, at_ms
    is_chosen = np.zeros(len(known), bool)
    is_chosen[rng.choice(len(known), MOST_CUSTOMERS, replace=False)] = True
    kept = is_chosen[number]
    return np.unique(number[kept], return_inverse=True)[1], at_ms[kept]


def fitted_strength(counts: Doubles, shop: Doubles) -> float:
    """The strength of STRENGTHS with the highest likelihood: the more customers are alike, the higher.

    Dirichlet-multinomial, Minka 2000, eq. 53.  Without any order, the highest.
    """
    n = counts.sum(axis=1)
    best = max(reversed(STRENGTHS), key=lambda strength: _log_likelihood(counts, n, strength * shop))
    return float(best)


def _log_likelihood(counts: Doubles, n: Doubles, prior: Doubles) -> float:
    total = float(prior.sum())
    whole = (gammaln(total) - gammaln(n + total)).sum()
    return float(whole + (gammaln(counts + prior) - gammaln(prior)).sum())
