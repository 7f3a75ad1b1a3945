"""Absolute errors of predicted ratings: means over ratings, with bootstrap intervals over customers."""

from collections.abc import Mapping, Sequence

import numpy as np

from eval.ratings.results import RatingEvaluation
from eval.ratings.scoring import error_spreads
from eval.ratings.truth import Truth
from eval.report.ranking_report import PairedDifference, ReportedGroup
from eval.scoring.segments import Segment
from eval.stats.bootstrap import Estimate, Spread
from eval.stats.paired import holm, verdict_of
from recsys.arrays import Doubles


def absolute_errors(evaluation: RatingEvaluation) -> dict[str, Doubles]:
    """By how many points each prediction misses: (N,) by name."""
    return {name: np.abs(values - evaluation.truth.value) for name, values in evaluation.predictions.items()}


def tolerance(scale: tuple[float, float]) -> float:
    """The error that still counts as nearly right: half a point on 5 points, one on 10, else a tenth of the scale."""
    width = scale[1] - scale[0]
    return 0.5 if width <= 5 else 1.0 if width <= 10 else width / 10


def mean_estimates(columns: Mapping[str, Doubles], truth: Truth, seed: int) -> dict[str, Estimate]:
    """The mean of each column, (N,) by name, over the ratings; its interval is over the customers."""
    spreads = error_spreads(list(columns.values()), truth, seed)
    return {name: spread.estimate for name, spread in zip(columns, spreads, strict=True)}


def paired_differences(gains: Mapping[str, Doubles], truth: Truth, seed: int) -> dict[str, PairedDifference]:
    """The mean of each gain in points, (N,) by name: above 0 ours is closer.  Verdicts hold among all (Holm 1979)."""
    if not gains:
        return {}
    return dict(zip(gains, _differences(error_spreads(list(gains.values()), truth, seed)), strict=True))


def reported_groups(
    ours: Doubles, rival: Doubles, segments: Sequence[Segment], truth: Truth, seed: int
) -> list[ReportedGroup]:
    """The mean errors of both in each segment, with verdicts that hold among all segments."""
    leads = _differences([error_spreads([rival - ours], truth, seed, each.members)[0] for each in segments])
    errors = [error_spreads([ours, rival], truth, seed, each.members) for each in segments]
    return [
        ReportedGroup(each.family, each.title, mine.estimate, theirs.estimate, lead)
        for each, (mine, theirs), lead in zip(segments, errors, leads, strict=True)
    ]


def _differences(spreads: Sequence[Spread]) -> list[PairedDifference]:
    adjusted = holm([spread.p for spread in spreads])
    return [
        PairedDifference(each.estimate, verdict_of((each.low, each.high), p, each.n_customers), each.n_customers)
        for each, p in zip(spreads, adjusted, strict=True)
    ]
