"""Figures with their interval of 95 %: shares, ratios and sums over customers, and none of a small group."""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import numpy as np

from recsys.arrays import Doubles
from recsys.customers.population import MIN_GROUP
from recsys.customers.surveys import SurveyScore, Z, wilson_interval

FEW = f"fewer than {MIN_GROUP} customers"
FEW_OTHERS = f"fewer than {MIN_GROUP} customers outside the segment, whose figure would follow by subtraction"
NOBODY = "no customer"


class Figure(NamedTuple):
    """A figure with its interval, and the customers it rests on; all None where `unknown` says why."""

    value: float | None
    low: float | None
    high: float | None
    n: int | None
    unknown: str | None = None


def no_figure(reason: str) -> Figure:
    """A figure that cannot be known, with the reason."""
    return Figure(None, None, None, None, reason)


def few(n: int) -> Figure:
    """No figure, for n < MIN_GROUP customers."""
    return no_figure(FEW if n else NOBODY)


def unless_few_others(figure: Figure, of_others: Callable[[], Figure]) -> Figure:
    """The figure of a segment; none where that of the other customers is not told, because they are few.

    The figure of all is told, too: less that of the segment, it is that of the others.
    """
    return figure if figure.value is None or of_others().unknown != FEW else no_figure(FEW_OTHERS)


def is_small(n: int) -> bool:
    """Whether so many customers are too few to be told of, and not none."""
    return 0 < n < MIN_GROUP


def share_figure(hits: int, n: int) -> Figure:
    """The share of n customers, with the interval of Wilson 1927."""
    return few(n) if n < MIN_GROUP else Figure(hits / n, *wilson_interval(hits / n, n), n)


def ratio_figure(total: Doubles, count: Doubles) -> Figure:
    """Sum of totals over sum of counts of n customers (n,), with the linearised interval of Cochran 1977, eq. 6.13.

    The customers, not their orders, are independent of each other.
    """
    n = len(total)
    if n < MIN_GROUP:
        return few(n)
    value = float(total.sum() / count.sum())
    half = Z * sqrt(n / (n - 1) * float(np.square(total - value * count).sum())) / float(count.sum())
    return Figure(value, value - half, value + half, n)


def sum_figure(amount: Doubles) -> Figure:
    """The sum over n customers (n,), who come independently of each other by chance (compound Poisson)."""
    if len(amount) < MIN_GROUP:
        return few(len(amount))
    value, half = float(amount.sum()), Z * sqrt(float(np.square(amount).sum()))
    return Figure(value, value - half, value + half, len(amount))


def survey_figure(score: SurveyScore | None, scale: float = 1.0) -> Figure:
    """The figure of a survey, divided by the scale."""
    if score is None:
        return no_figure("nobody answered")
    if score.n < MIN_GROUP:
        return no_figure(FEW)
    return Figure(score.value / scale, score.low / scale, score.high / scale, score.n)
