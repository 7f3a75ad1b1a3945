"""Best hour and day of a customer: shares of their orders, shrunk to those of the shop."""

from typing import Final

import numpy as np
from scipy.special import gammaln

from recsys.arrays import Doubles, Longs
from recsys.time_units import DAY_MS, HOUR_MS

HOURS, DAYS = 24, 7
MONDAY = 4  # 1970-01-05 was one
STRENGTHS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 1e5)


def hours_of(at_ms: Longs) -> Longs:
    """Hour of the day, 0 to 23 in UTC.  (N,) -> (N,)"""
    return at_ms // HOUR_MS % HOURS


def days_of(at_ms: Longs) -> Longs:
    """Day of the week, 0 is Monday, in UTC.  (N,) -> (N,)"""
    return (at_ms // DAY_MS - MONDAY) % DAYS


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
