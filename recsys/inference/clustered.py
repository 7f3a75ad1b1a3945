"""Cluster-robust intervals: means, ratios and counts of observations of which those of one customer go together."""

import numpy as np
from scipy.special import stdtrit

from recsys.arrays import Doubles, Ints, Longs


def mean_interval(value: Doubles, customer: Ints | Longs) -> tuple[float, float, float]:
    """Mean of N values and its 95 % interval; NaN ends with fewer than two customers.

    Linearised, with the t distribution of one degree of freedom less than there are customers.  Liang & Zeger 1986.
    """
    return ratio_interval(value, np.ones(len(value)), customer)


def ratio_interval(numerator: Doubles, denominator: Doubles, customer: Ints | Longs) -> tuple[float, float, float]:
    """Sum of N numerators over that of N denominators, and its 95 % interval, as above; NaN where that sum is 0."""
    total = float(denominator.sum())
    if not total:
        return np.nan, np.nan, np.nan
    ratio = float(numerator.sum()) / total
    sums = np.bincount(np.unique(customer, return_inverse=True)[1], numerator - ratio * denominator)
    n = len(sums)
    if n < 2:
        return ratio, np.nan, np.nan
    error = float(np.sqrt(n / (n - 1) * np.square(sums).sum())) / total
    half = float(stdtrit(n - 1, 0.975)) * error
    return ratio, ratio - half, ratio + half


def jackknife_interval(value: float, without: Doubles) -> tuple[float, float]:
    """95 % interval of a value, from its N values without one customer each.  Efron & Tibshirani 1993, eq. 11.5."""
    n = len(without)
    half = float(stdtrit(n - 1, 0.975)) * float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))
    return value - half, value + half
