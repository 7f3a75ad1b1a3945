"""Results of back-tests of customers: a chance beside its rules at one past moment, value, stages and clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.metrics.classification import CalibrationBin, ClassificationMetrics
from recsys.learning.customers.clusters import ClusterNumber
from recsys.learning.customers.paired_auc import AucComparison

OURS = "model"


@dataclass(frozen=True, slots=True)
class ChanceGroup:
    """Customers of one segment: their number, the share with the outcome, and both AUCs."""

    family: str
    title: str
    n: int
    share: float
    comparison: AucComparison


@dataclass(frozen=True, slots=True)
class PrecisionTest:
    """Share of the first five pairs of each customer that were bought: of the places filled, and of all five.

    low, high: 95 % interval by customers of how far the model is ahead in the filled places; 0 for the model itself.
    """

    filled: float
    of_all: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ChanceTest:
    """A chance at one past moment, learnt from what was known then.

    task: churn, buys anything, buys an item again, buys a category again.  n: customers, or pairs; share: of them with
    the outcome.  method: what stands on the card: the model, or the rule in its place.  metrics: by score, the first is
    the chance on the card.  against: the model beside each rule, paired.  precision_at_5: by score, of pairs only.
    """

    task: str
    horizon_days: int
    at_ms: int
    n: int
    share: float
    method: str
    metrics: Mapping[str, ClassificationMetrics]
    against: Mapping[str, AucComparison]
    calibration: Sequence[CalibrationBin]
    groups: Sequence[ChanceGroup] = ()
    precision_at_5: Mapping[str, PrecisionTest] | None = None


@dataclass(frozen=True, slots=True)
class PooledCalibration:
    """Calibration over moments one horizon apart: what one week has by luck or season counts less.

    n: customers of all moments.  ece, noise: as in `ClassificationMetrics`.  bias: mean chance less share.
    """

    task: str
    horizon_days: int
    n_moments: int
    n: int
    ece: float
    noise: float
    bias: float


@dataclass(frozen=True, slots=True)
class ValueTest:
    """Money of the next 91 days at one past moment.  total: share by which all is too high; error: mean absolute.

    rank: Spearman correlation.  picked, why: by this moment alone.  covered: share of customers inside the 80 %
    interval that was learnt a horizon earlier, NaN where there was none.
    """

    at_ms: int
    n: int
    spent: float
    total: Mapping[str, float]
    error: Mapping[str, float]
    rank: Mapping[str, float]
    picked: str
    why: str
    covered: float


@dataclass(frozen=True, slots=True)
class StageTest:
    """Customers of a stage at a past moment: their number, and the share without an order in the next 28 days."""

    stage: str
    n: int
    left: float


@dataclass(frozen=True, slots=True)
class CustomerEvaluation:
    """Everything that `recsys evaluate customers` says.  pooled_value: the method over all moments, and why."""

    as_of_ms: int
    n_customers: int
    n_orders: int
    money: float
    seed: int
    segment: str | None
    chances: Sequence[ChanceTest]
    pooled: Sequence[PooledCalibration]
    values: Sequence[ValueTest]
    pooled_value: tuple[str, str] | None
    stages: Sequence[StageTest]
    clusters: Sequence[ClusterNumber]
    descriptions: Sequence[str | None]
    n_groups_hidden: int
    notes: Sequence[str]

    def latest(self, task: str, horizon_days: int) -> ChanceTest | None:
        """The test at the latest moment."""
        own = (test for test in self.chances if (test.task, test.horizon_days) == (task, horizon_days))
        return next(own, None)
