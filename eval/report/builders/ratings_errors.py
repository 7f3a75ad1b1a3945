"""Absolute errors of predicted ratings: means over ratings, with bootstrap intervals over customers."""

from collections.abc import Sequence

import numpy as np

from eval.ratings.results import RatingEvaluation
from eval.ratings.scoring import error_spreads
from eval.ratings.truth import Truth
from eval.report.ranking_report import PairedDifference
from eval.scoring.segments import Segment
from eval.stats.bootstrap import Estimate, Spread
from eval.stats.paired import holm, verdict_of
from recsys.arrays import Bools, Doubles


def absolute_errors(evaluation: RatingEvaluation) -> dict[str, Doubles]:
    """By how many points each prediction misses: (N,) by name."""
    return {name: np.abs(values - evaluation.truth.value) for name, values in evaluation.predictions.items()}


def tolerance(scale: tuple[float, float]) -> float:
    """The error that still counts as nearly right: half a point on 5 points, one on 10, else a tenth of the scale."""
    width = scale[1] - scale[0]
    return 0.5 if width <= 5 else 1.0 if width <= 10 else width / 10


def mean_estimates(columns: Sequence[Doubles], truth: Truth, seed: int, members: Bools | None = None) -> list[Estimate]:
    """The mean of each column, (N,) each, over the ratings that are members; its interval is over the customers."""
    return [spread.estimate for spread in error_spreads(columns, truth, seed, members)]


def paired_differences(gains: Sequence[Doubles], truth: Truth, seed: int) -> list[PairedDifference]:
    """The mean of each gain in points, (N,) each: above 0 ours is closer.  Verdicts hold among all (Holm 1979)."""
    return _differences(error_spreads(gains, truth, seed))


def group_differences(gain: Doubles, groups: Sequence[Segment], truth: Truth, seed: int) -> list[PairedDifference]:
    """The mean gain of each group, with verdicts that hold among all groups."""
    return _differences([error_spreads([gain], truth, seed, group.members)[0] for group in groups])


def _differences(spreads: Sequence[Spread]) -> list[PairedDifference]:
    adjusted = holm([spread.p for spread in spreads])
    return [
        PairedDifference(each.estimate, verdict_of((each.low, each.high), p, each.n_customers), each.n_customers)
        for each, p in zip(spreads, adjusted, strict=True)
    ]
