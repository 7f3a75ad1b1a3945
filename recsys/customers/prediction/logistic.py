"""Logistic regression as numbers: coefficients and a calibration curve, for probabilities and contributions.

Fitting is offline (`recsys.learning.customers`); a worker reads the numbers and needs no other library.
"""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from recsys.arrays import Doubles
from recsys.bundle.array_spec import ArraySpec
from recsys.models.serialization import StoredFields

CLOSEST = 1e-6  # to 0 and to 1: no chance is certain


def _identity() -> Doubles:
    return np.array([0.0, 1.0])


@dataclass(frozen=True, slots=True)
class LogisticModel(StoredFields):
    """centre, spread (F,): standardise a feature.  coefficient (F,), intercept: log-odds.

    curve_from, curve_to (B,): calibration, rising strictly from 0 to 1 and linear in between; so equal chances come
    from equal scores only, also at the top.
    """

    centre: Annotated[Doubles, ArraySpec("F")]
    spread: Annotated[Doubles, ArraySpec("F", low=0)]
    coefficient: Annotated[Doubles, ArraySpec("F")]
    intercept: float
    curve_from: Annotated[Doubles, ArraySpec("B", low=0, high=1 + 1e-9, order="rising strictly")] = field(
        default_factory=_identity
    )
    curve_to: Annotated[Doubles, ArraySpec("B", low=0, high=1 + 1e-9, order="rising strictly")] = field(
        default_factory=_identity
    )

    @property
    def is_calibrated(self) -> bool:
        """Whether the curve changes anything."""
        return len(self.curve_from) > 2

    def contributions(self, features: Doubles) -> Doubles:
        """What each feature adds to the log-odds, against the average customer.  (N, F) -> (N, F)"""
        return (features - self.centre) / self.spread * self.coefficient

    def probability(self, features: Doubles) -> Doubles:
        """(N, F) -> (N,), in (0, 1); NaN where a feature is NaN."""
        odds = self.contributions(features).sum(axis=1) + self.intercept
        chance = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        curved = np.interp(chance, self.curve_from, self.curve_to) if self.is_calibrated else chance
        return np.where(np.isnan(odds), np.nan, np.clip(curved, CLOSEST, 1 - CLOSEST))
