"""Group-sequential test: boundaries for several looks at one experiment that together raise 5 % false alarms.

Lan & DeMets 1983, "Discrete sequential boundaries for clinical trials", with the spending function of the kind of
O'Brien and Fleming: early looks ask for much, the last one for hardly more than a single look.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt

import numpy as np
from scipy.special import ndtr, ndtri

from recsys.arrays import Doubles
from recsys.errors import BadInput
from recsys.inference.welch import ALPHA

_POINTS = 1_001  # of the density between two looks
_WIDEST = 8.0  # standard errors; beyond lies 1e-15


def spent_alpha(fraction: float, alpha: float = ALPHA) -> float:
    """The false alarms that all looks up to that fraction of the information may raise together.

    Half of alpha is spent on each side, as R's `ldbounds` and `gsDesign` do.
    """
    return float(4 * ndtr(ndtri(alpha / 4) / sqrt(min(fraction, 1.0)))) if fraction > 0 else 0.0


@lru_cache(maxsize=64)
def boundaries(fractions: tuple[float, ...], alpha: float = ALPHA) -> tuple[float, ...]:
    """The |z| that ends the experiment at each look.  Raises BadInput.

    fractions: of the planned information, which is the number of customers, rising, 1 at most.  The density of the
    score is carried from look to look on a grid: Armitage, McPherson & Rowe 1969, section 2.
    """
    if not fractions or fractions[0] <= 0 or fractions[-1] > 1 or bool((np.diff(fractions) <= 0).any()):
        raise BadInput(f"looks at the fractions {list(fractions)}: they must rise from above 0 to 1 at most")
    bounds: list[float] = []
    points, weight = np.zeros(1), np.ones(1)  # of the score sqrt(fraction) * z, where no look has ended it
    before = 0.0
    for fraction in fractions:
        sd, scale = sqrt(fraction - before), sqrt(fraction)
        budget = spent_alpha(fraction, alpha) - spent_alpha(before, alpha)
        bounds.append(_bound(points / sd, weight, scale / sd, budget))
        grid = np.linspace(-bounds[-1] * scale, bounds[-1] * scale, _POINTS)
        weight = _density(points, weight, grid, sd) * _trapezoid(grid)
        points, before = grid, fraction
    return tuple(bounds)


def crossing(z_scores: Sequence[float], bounds: Sequence[float]) -> int | None:
    """The number of the first look whose |z| reaches its boundary, from 1; None where none does."""
    return next(
        (look for look, (z, bound) in enumerate(zip(z_scores, bounds, strict=False), 1) if abs(z) >= bound), None
    )


def _bound(points: Doubles, weight: Doubles, scale: float, budget: float) -> float:
    """The |z| that is reached with that probability, by bisection.  points: in standard errors of the step."""
    low, high = 0.0, _WIDEST
    for _ in range(50):
        middle = (low + high) / 2
        reached = float(weight @ (ndtr(points - middle * scale) + ndtr(-points - middle * scale)))
        low, high = (middle, high) if reached > budget else (low, middle)
    return high


def _density(points: Doubles, weight: Doubles, grid: Doubles, sd: float) -> Doubles:
    """Density on the grid after a normal step from weighted points."""
    steps = (grid[:, None] - points[None, :]) / sd
    return np.asarray(np.exp(-0.5 * np.square(steps)) @ weight / (sd * sqrt(2 * np.pi)), np.float64)


def _trapezoid(grid: Doubles) -> Doubles:
    weights = np.full(len(grid), grid[1] - grid[0])
    weights[[0, -1]] /= 2
    return weights
