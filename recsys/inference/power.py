"""Statistical power: how many customers show an effect, and which effect so many customers show.

A difference of two means is taken as normal.  CUPED leaves 1 - correlation^2 of the variance: Deng et al. 2013, eq. 5.
"""

from math import ceil, sqrt
from statistics import NormalDist

POWER, ALPHA = 0.8, 0.05


def customers_per_arm(
    mean: float, sd: float, lift: float, power: float = POWER, alpha: float = ALPHA, correlation: float = 0.0
) -> int:
    """Customers in each of two equal arms that show a lift of the mean, such as 0.05, with that power.

    mean, sd: of the money of a customer without treatment.  correlation: of that money with the money before.
    """
    return ceil(2 * _squared_scale(mean, sd, lift, power, alpha, correlation))


def customers_in_all(mean: float, sd: float, lift: float, control_share: float, correlation: float = 0.0) -> int:
    """Customers of both arms together that show that lift where so large a share is control; a part is one more."""
    arms = 1 / control_share + 1 / (1 - control_share)
    return ceil(_squared_scale(mean, sd, lift, POWER, ALPHA, correlation) * arms)


def detectable_lift(
    mean: float,
    sd: float,
    n_treated: float,
    n_control: float,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    correlation: float = 0.0,
) -> float:
    """The least lift of the mean that arms of these sizes show with that power."""
    error = sd * sqrt((1 - correlation**2) * (1 / n_treated + 1 / n_control))
    return _quantiles(power, alpha) * error / mean


def _squared_scale(mean: float, sd: float, lift: float, power: float, alpha: float, correlation: float) -> float:
    return float((sd / (lift * mean) * _quantiles(power, alpha)) ** 2 * (1 - correlation**2))


def _quantiles(power: float, alpha: float) -> float:
    """The sum of the normal quantiles of a two-sided test."""
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
