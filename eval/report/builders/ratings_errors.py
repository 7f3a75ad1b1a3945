"""Absolute errors of predicted ratings: means over ratings, with bootstrap intervals over customers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eval.protocol import LIGHTEST, MIN_GROUP
from eval.ratings.run import RatingEvaluation, Truth
from eval.report.ranking_report import PairedDifference
from eval.stats.bootstrap import ENDS, MIN_RESAMPLES, resampled_means, two_sided
from eval.stats.intervals import Estimate
from eval.stats.paired import holm, verdict_of
from recsys.arrays import Bools, Doubles, Longs

MOST_VALUES = 10  # a scale with more steps is split into as many ranges


@dataclass(frozen=True, slots=True)
class RatingGroup:
    """A group of ratings.  family: what it is split by; members (N,): which of the ratings are in it."""

    family: str
    title: str
    members: Bools


def absolute_errors(evaluation: RatingEvaluation) -> dict[str, Doubles]:
    """By how many points each prediction misses: (N,) by name."""
    return {name: np.abs(values - evaluation.truth.value) for name, values in evaluation.predictions.items()}


def tolerance(scale: tuple[float, float]) -> float:
    """The error that still counts as nearly right: half a point on 5 points, one on 10, else a tenth of the scale."""
    width = scale[1] - scale[0]
    return 0.5 if width <= 5 else 1.0 if width <= 10 else width / 10


def mean_estimates(columns: Sequence[Doubles], truth: Truth, seed: int, members: Bools | None = None) -> list[Estimate]:
    """The mean of each column, (N,) each, over the ratings that are members; its interval is over the customers."""
    resampled, means = _resampled(columns, truth, seed, members)
    ends = np.nanquantile(resampled, ENDS, axis=0)
    return [Estimate(float(mean), float(low), float(high)) for mean, low, high in zip(means, *ends, strict=True)]


def paired_differences(gains: Sequence[Doubles], truth: Truth, seed: int) -> list[PairedDifference]:
    """The mean of each gain in points, (N,) each: above 0 ours is closer.  Verdicts hold among all (Holm 1979)."""
    resampled, means = _resampled(gains, truth, seed, None)
    n_customers = int(truth.user.max()) + 1
    return _differences([(resampled[:, at], float(mean), n_customers) for at, mean in enumerate(means)])


def group_differences(gain: Doubles, groups: Sequence[RatingGroup], truth: Truth, seed: int) -> list[PairedDifference]:
    """The mean gain of each group, with verdicts that hold among all groups."""
    parts = []
    for group in groups:
        resampled, means = _resampled([gain], truth, seed, group.members)
        parts.append((resampled[:, 0], float(means[0]), count_customers(group, truth)))
    return _differences(parts)


def count_customers(group: RatingGroup, truth: Truth) -> int:
    """How many customers gave the ratings of the group."""
    return len(np.unique(truth.user[group.members]))


def rating_groups(truth: Truth) -> tuple[list[RatingGroup], int]:
    """The groups with enough customers to be shown, and the number of the others."""
    groups = [
        *_by_count("By how many ratings the customer had given", truth.n_of_user),
        *_by_count("By how many ratings the item had", truth.n_of_item),
        *_by_value(truth.value),
    ]
    groups = [group for group in groups if group.members.any()]
    shown = [group for group in groups if count_customers(group, truth) >= MIN_GROUP]
    return shown, len(groups) - len(shown)


def _differences(parts: Sequence[tuple[Doubles, float, int]]) -> list[PairedDifference]:
    """parts: of each difference the resampled means, the mean, and the number of customers."""
    ends = [tuple(float(end) for end in np.nanquantile(resampled, ENDS)) for resampled, _, _ in parts]
    adjusted = holm([two_sided(resampled) for resampled, _, _ in parts])
    return [
        PairedDifference(Estimate(mean, low, high), verdict_of((low, high), p, n), n)
        for (_, mean, n), (low, high), p in zip(parts, ends, adjusted, strict=True)
    ]


def _resampled(columns: Sequence[Doubles], truth: Truth, seed: int, members: Bools | None) -> tuple[Doubles, Doubles]:
    """Means of samples of customers, (n, C), and of all, (C,); only customers with a member are drawn."""
    is_member = members if members is not None else np.ones(len(truth.user), bool)
    _, user = np.unique(truth.user[is_member], return_inverse=True)
    total = np.column_stack([np.bincount(user, column[is_member]).astype(np.float64) for column in columns])
    counts = np.broadcast_to(np.bincount(user).astype(np.float64)[:, None], total.shape)
    resampled = resampled_means(total, counts, np.random.default_rng(seed), MIN_RESAMPLES)
    return resampled, total.sum(axis=0) / counts.sum(axis=0)


def _by_count(family: str, count: Longs) -> Iterator[RatingGroup]:
    """Those without ratings; the tenth with the fewest; the rest in three parts of equal size."""
    yield RatingGroup(family, "New to the file", count == 0)
    known = count[count > 0]
    low = 0
    for share in (LIGHTEST, 0.4, 0.7, 1.0) if len(known) else ():
        high = int(np.quantile(known, share, method="higher"))
        if high > low:
            yield RatingGroup(family, _range(low + 1, high), (count > low) & (count <= high))
        low = max(low, high)


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _by_value(value: Doubles) -> Iterator[RatingGroup]:
    """By the rating that was given: a group for each value, or for ranges of values where there are many."""
    family, values = "By what the customer then gave", np.unique(value)
    for part in np.array_split(values, min(len(values), MOST_VALUES)):
        title = f"{part[0]:g}" if len(part) == 1 else f"{part[0]:g} to {part[-1]:g}"
        yield RatingGroup(family, title, (value >= part[0]) & (value <= part[-1]))
