"""Classification metrics of a chance: AUC, average precision, lift, lift quality, Brier score and calibration."""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Longs
from recsys.learning.customers.logistic import BINS, calibration_error
from recsys.learning.customers.paired_auc import auc

TOP = 0.1  # the decile of the lift


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """A tenth of the examples by chance: their number, mean chance, and the share with the outcome."""

    n: int
    chance: float
    share: float


@dataclass(frozen=True, slots=True)
class ClassificationMetrics:
    """Figures of one score; NaN without both outcomes.

    lift: share with the outcome in the top decile over that of all.  lift_quality: see the function.
    brier, ece: of a chance; NaN for a rule that gives an order alone.  ece_noise: see `calibration_noise`.
    """

    auc: float
    average_precision: float
    lift: float
    lift_quality: float
    brier: float = float("nan")
    ece: float = float("nan")
    ece_noise: float = float("nan")


def classification_metrics(outcome: Bools, score: Doubles, *, is_chance: bool) -> ClassificationMetrics:
    """Of a score, higher for likelier; equal scores stand in the order of the rows.  (N,), (N,)"""
    brier = float(np.mean((score - outcome) ** 2)) if is_chance else float("nan")
    ece = calibration_error(score, outcome) if is_chance else float("nan")
    noise = calibration_noise(score) if is_chance else float("nan")
    return ClassificationMetrics(
        auc(outcome, score), average_precision(outcome, score), lift(outcome, score), lift_quality(outcome, score),
        brier, ece, noise,
    )  # fmt: skip


def calibration_noise(chance: Doubles, bins: int = BINS) -> float:
    """The expected calibration error that chances have on average where each is right, by the luck of the outcomes.

    In a bin of n outcomes the share is normal around the mean chance with variance sum(p (1 - p)) / n^2, and the mean
    of the absolute value of a normal number is sqrt(2 / pi) standard deviations.
    """
    groups = np.array_split(np.sort(chance), bins)
    spread = sum(float(np.sqrt(np.sum(group * (1 - group)))) for group in groups)
    return float(np.sqrt(2 / np.pi) * spread / len(chance))


def average_precision(outcome: Bools, score: Doubles) -> float:
    """Sum of precision x gain in recall over thresholds; equal scores are one threshold.  NaN without the outcome."""
    if not outcome.any():
        return float("nan")
    order = _order(score)
    hits = np.cumsum(outcome[order])
    is_last = np.append(np.diff(score[order]) != 0, True)
    at: Longs = np.flatnonzero(is_last)
    recall = hits[at] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * hits[at] / (at + 1)))


def lift(outcome: Bools, score: Doubles, share: float = TOP) -> float:
    """The share with the outcome among the highest scores over that of all; NaN without the outcome."""
    top = _order(score)[: max(1, round(share * len(score)))]
    return float(outcome[top].mean() / outcome.mean()) if outcome.any() else float("nan")


def lift_quality(outcome: Bools, score: Doubles) -> float:
    """Area between the lift curve and 1, over that of a perfect order: 1 is perfect, 0 is chance.

    Vuk & Curk 2006, section 4.  NaN without both outcomes.
    """
    if outcome.all() or not outcome.any():
        return float("nan")
    depth = np.arange(1, len(outcome) + 1)
    own, perfect = outcome[_order(score)], np.sort(outcome)[::-1]
    area, best = (float(np.mean(np.cumsum(row) / depth / outcome.mean()) - 1) for row in (own, perfect))
    return area / best


def calibration_bins(chance: Doubles, outcome: Bools, bins: int = BINS) -> list[CalibrationBin]:
    """Bins of equal size by chance."""
    groups = np.array_split(np.argsort(chance, kind="stable"), bins)
    return [
        CalibrationBin(len(group), float(chance[group].mean()), float(outcome[group].mean()))
        for group in groups
        if len(group)
    ]


def _order(score: Doubles) -> Longs:
    return np.argsort(-score, kind="stable")
