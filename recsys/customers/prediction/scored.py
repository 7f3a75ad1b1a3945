"""Customer scores of a release: value, churn, propensity and cluster of each customer, with what each rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Kinds
from recsys.bundle.array_spec import ArraySpec
from recsys.bundle.bundle import MAX_MS
from recsys.customers.prediction.churn import CHURN_HORIZONS, METHODS_OF_CHURN, NO_REASON, REASONS, reason_text
from recsys.customers.prediction.clusters import NO_CLUSTER
from recsys.customers.prediction.features import ACTIVE_DAYS, FEATURES, THEMES
from recsys.customers.prediction.value import CLASSES, METHODS
from recsys.models.serialization import StoredFields

UNKNOWN = -1
NOT_ACTIVE = f"no order in the last {ACTIVE_DAYS:.0f} days: the chance to leave is that of active customers"
NOT_LEARNT = "the log is too short, or too few customers left, to learn it"
NO_ORDER = "no order so far"


_DOUBLES: Any = partial(np.empty, 0, np.float64)
_CODES: Any = partial(np.empty, 0, np.int8)
_REASONS: Any = partial(np.empty, (0, 3, REASONS), np.int8)
_CONTRIBUTIONS: Any = partial(np.empty, (0, 3, REASONS), np.float32)
_FEATURES: Any = partial(np.empty, (0, len(FEATURES)), np.float32)
_Chance = Annotated[Doubles, ArraySpec("U", low=0, high=1, nan=True)]
_Money = Annotated[Doubles, ArraySpec("U", nan=True)]
_Class = Annotated[Kinds, ArraySpec("U", low=UNKNOWN, high=len(CLASSES))]


@dataclass(frozen=True, slots=True)
class CustomerScores(StoredFields):
    """U customers as of `as_of_ms`; all is empty in a release made before this part existed.  NaN: cannot be said.

    value: money expected in the next 91 days, with its 80 % interval; value_margin: the margin in it, where costs are
    known.  value_method: number in METHODS.  value_class, value_class_before: of CLASSES, now and 28 days ago.
    churn_28, …: chance of no order in so many days.  churn_method (3,): of METHODS_OF_CHURN, by horizon.
    churn_reason, churn_contribution (U, 3, 3): by horizon, the strongest first, see `ChurnChances`.
    propensity_7, …: chance to buy anything in so many days.  cluster: number of the cluster.
    features (U, F): see `activity_features`.
    """

    as_of_ms: Annotated[int, ArraySpec(low=-MAX_MS, high=MAX_MS)] = 0
    value: _Money = field(default_factory=_DOUBLES)
    value_low: _Money = field(default_factory=_DOUBLES)
    value_high: _Money = field(default_factory=_DOUBLES)
    value_margin: _Money = field(default_factory=_DOUBLES)
    value_method: Annotated[int, ArraySpec(low=UNKNOWN, high=len(METHODS))] = UNKNOWN
    value_class: _Class = field(default_factory=_CODES)
    value_class_before: _Class = field(default_factory=_CODES)
    churn_28: _Chance = field(default_factory=_DOUBLES)
    churn_56: _Chance = field(default_factory=_DOUBLES)
    churn_91: _Chance = field(default_factory=_DOUBLES)
    churn_method: Annotated[Kinds, ArraySpec("3", low=0, high=len(METHODS_OF_CHURN))] = field(default_factory=_CODES)
    churn_reason: Annotated[Kinds, ArraySpec("U 3 3", low=NO_REASON, high=len(THEMES))] = field(
        default_factory=_REASONS
    )
    churn_contribution: Annotated[Floats, ArraySpec("U 3 3")] = field(default_factory=_CONTRIBUTIONS)
    propensity_7: _Chance = field(default_factory=_DOUBLES)
    propensity_14: _Chance = field(default_factory=_DOUBLES)
    propensity_28: _Chance = field(default_factory=_DOUBLES)
    cluster: Annotated[Kinds, ArraySpec("U", low=NO_CLUSTER, high=127)] = field(default_factory=_CODES)
    features: Annotated[Floats, ArraySpec("U F", nan=True)] = field(default_factory=_FEATURES)

    def __len__(self) -> int:
        return len(self.value)

    def arrays(self) -> Mapping[str, AnyArray]:
        """The whole state; none where there is no customer."""
        return StoredFields.arrays(self) if len(self) else {}

    def churn_reasons(self, user: int, horizon_days: int, gap_days: float) -> list[str]:
        """Why a customer is likely or unlikely to leave, the strongest reason first; none where churn is not known.

        gap_days: the median between their purchase days, NaN where it is not known.
        """
        at = CHURN_HORIZONS.index(horizon_days)
        rows = zip(self.churn_reason[user, at].tolist(), self.churn_contribution[user, at].tolist(), strict=True)
        features = self.features[user].astype(np.float64)
        return [
            reason_text(theme, share, features, as_of_ms=self.as_of_ms, gap_days=gap_days)
            for theme, share in rows
            if theme != NO_REASON
        ]

    def why_no_churn(self, user: int, horizon_days: int) -> str | None:
        """Why the chance to leave is blank; None where it is not."""
        at = CHURN_HORIZONS.index(horizon_days)
        if not np.isnan((self.churn_28, self.churn_56, self.churn_91)[at][user]):
            return None
        if np.isnan(self.features[user, 0]):
            return NO_ORDER
        return NOT_LEARNT if METHODS_OF_CHURN[self.churn_method[at]] == "none" else NOT_ACTIVE

    def value_method_name(self) -> str | None:
        """The method that the back-test picked; None where value is not known."""
        return None if self.value_method == UNKNOWN else METHODS[self.value_method]
