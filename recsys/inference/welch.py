"""Welch's test: the difference of two means with unequal variances, and its interval."""

from dataclasses import dataclass
from math import isnan, sqrt

import numpy as np
from scipy.special import stdtr, stdtrit

from recsys.arrays import Doubles

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Effect:
    """Treated minus control, per customer, with its interval.

    relative: as a share of the (adjusted) mean of the control, NaN where that is not above 0.  low, high: the interval
    of the difference, 95 % unless another alpha was given.  p: two-sided.  All are NaN where an arm has fewer than two
    customers, and so no variance.
    """

    difference: float
    relative: float
    low: float
    high: float
    p: float
    n_treated: int
    n_control: int
    method: str

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0

    @property
    def is_unseen(self) -> bool:
        """Whether no customer of either arm had any: then an interval of 0 to 0 would be false."""
        return self.low == self.high == self.difference == 0 and isnan(self.relative)


def welch(treated: Doubles, control: Doubles, *, alpha: float = ALPHA, method: str = "welch") -> Effect:
    """The effect on the mean of two independent arms, (T,) and (C,).

    B. L. Welch 1947, "The generalization of 'Student's' problem when several different population variances are
    involved", with the degrees of freedom of Satterthwaite.
    """
    n, m = len(treated), len(control)
    if min(n, m) < 2:
        return Effect(np.nan, np.nan, np.nan, np.nan, np.nan, n, m, method)
    difference, base = float(treated.mean() - control.mean()), float(control.mean())
    relative = difference / base if base > 0 else np.nan
    parts = float(treated.var(ddof=1)) / n, float(control.var(ddof=1)) / m
    error = sqrt(sum(parts))
    if error == 0:
        return Effect(difference, relative, difference, difference, float(difference == 0), n, m, method)
    freedom = error**4 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (m - 1))
    half = float(stdtrit(freedom, 1 - alpha / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(difference) / error))
    return Effect(difference, relative, difference - half, difference + half, p, n, m, method)
