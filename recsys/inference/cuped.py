"""CUPED: what customers did before is taken out of what they did after, which narrows the interval of an effect."""

import numpy as np

from recsys.arrays import Doubles
from recsys.inference.welch import ALPHA, Effect, welch


def cuped(
    treated: Doubles, control: Doubles, treated_before: Doubles, control_before: Doubles, *, alpha: float = ALPHA
) -> Effect:
    """Welch's test of y - theta (x - mean of x), theta = cov(x, y) / var(x) over both arms.  (T,), (C,), (T,), (C,)

    Deng, Xu, Kohavi & Walker 2013, "Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data", eq. 3 and 5.  Before must end where the treatment begins.
    """
    before = np.concatenate((treated_before, control_before))
    after = np.concatenate((treated, control))
    adjusted = after - slope(before, after) * (before - before.mean()) if len(before) else after
    return welch(adjusted[: len(treated)], adjusted[len(treated) :], alpha=alpha, method="cuped")


def slope(before: Doubles, after: Doubles) -> float:
    """Slope of the regression of after on before, 0 where before does not vary.  (N,), (N,)"""
    centred = before - before.mean()
    variance = float(centred @ centred)
    return float(centred @ after) / variance if variance > 0 else 0.0
