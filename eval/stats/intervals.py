"""Interval of a mean over customers: where the mean would lie for other customers of the same kind."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over customers and its 95 % bootstrap interval; NaN where nobody was judged."""

    mean: float
    low: float = float("nan")
    high: float = float("nan")
