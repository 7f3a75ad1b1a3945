"""Difference-in-differences: how much more one group changed than another, for groups that nobody drew."""

from dataclasses import replace
from math import nan

from recsys.arrays import Doubles
from recsys.inference.welch import ALPHA, Effect, welch


def difference_in_differences(
    treated: Doubles, control: Doubles, treated_before: Doubles, control_before: Doubles, *, alpha: float = ALPHA
) -> Effect:
    """Welch's test of the changes of two groups, before and after over spans of one length.  (T,), (C,), (T,), (C,)

    It is the effect only where both groups would have changed alike without treatment ("parallel trends"): Angrist &
    Pischke 2009, section 5.2.  relative: NaN, a share of a change says nothing.
    """
    changes = treated - treated_before, control - control_before
    return replace(welch(*changes, alpha=alpha, method="difference-in-differences"), relative=nan)
