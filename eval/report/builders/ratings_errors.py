"""How far predicted ratings are off, in words' reach: means over ratings, with intervals over customers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eval.files.segments import GROUPS_FROM, LIGHTEST
from eval.ratings.run import RatingEvaluation, Truth
from eval.report.story import PairedDifference, Span
from eval.stats.bootstrap import ENDS, MIN_RESAMPLES, resampled_means, two_sided
from eval.stats.paired import holm, verdict_of
from recsys.arrays import Bools, Doubles, Longs

MOST_VALUES = 10  # a scale with more steps is parted into as many stretches


@dataclass(frozen=True, slots=True)
class RatingGroup:
    """Ratings of one kind: what they are parted by, what they are called, and which of the N they are."""

    family: str
    title: str
    members: Bools


def errors_of(found: RatingEvaluation) -> dict[str, Doubles]:
    """By how many points each prediction misses: (N,) by name."""
    return {name: np.abs(said - found.truth.value) for name, said in found.predictions.items()}


def near_of(scale: tuple[float, float]) -> float:
    """What counts as nearly right: half a point of five, one of ten, else a tenth of the scale."""
    width = scale[1] - scale[0]
    return 0.5 if width <= 5 else 1.0 if width <= 10 else width / 10


def spans(columns: Sequence[Doubles], truth: Truth, seed: int, members: Bools | None = None) -> list[Span]:
    """The mean of each column over the ratings that are members, (N,) each; its ends over the customers."""
    drawn, means = _drawn(columns, truth, seed, members)
    ends = np.nanquantile(drawn, ENDS, axis=0)
    return [Span(float(mean), float(low), float(high)) for mean, low, high in zip(means, *ends, strict=True)]


def leads(gains: Sequence[Doubles], truth: Truth, seed: int) -> list[PairedDifference]:
    """Each mean gain in points, (N,) each, with its verdict among all of them; above 0 ours is closer."""
    drawn, means = _drawn(gains, truth, seed, None)
    told = [(drawn[:, at], float(mean), int(truth.user.max()) + 1) for at, mean in enumerate(means)]
    return _judged(told)


def leads_within(gain: Doubles, crowds: Sequence[RatingGroup], truth: Truth, seed: int) -> list[PairedDifference]:
    """The mean gain of each crowd, none believed because many were looked at."""
    told = []
    for crowd in crowds:
        drawn, means = _drawn([gain], truth, seed, crowd.members)
        told.append((drawn[:, 0], float(means[0]), size_of(crowd, truth)))
    return _judged(told)


def size_of(crowd: RatingGroup, truth: Truth) -> int:
    """How many customers the ratings are of."""
    return len(np.unique(truth.user[crowd.members]))


def crowds_of(truth: Truth) -> tuple[list[RatingGroup], int]:
    """The crowds of customers enough to be shown, and how many there are not."""
    found = [
        *_by_count("By how many ratings the customer had given", "New to the file", truth.n_of_user),
        *_by_count("By how many ratings the item had", "New to the file", truth.n_of_item),
        *_by_value(truth.value),
    ]
    found = [crowd for crowd in found if crowd.members.any()]
    shown = [crowd for crowd in found if size_of(crowd, truth) >= GROUPS_FROM]
    return shown, len(found) - len(shown)


def _judged(told: Sequence[tuple[Doubles, float, int]]) -> list[PairedDifference]:
    ends = [tuple(float(end) for end in np.nanquantile(drawn, ENDS)) for drawn, _, _ in told]
    chances = holm([two_sided(drawn) for drawn, _, _ in told])
    return [
        PairedDifference(Span(mean, low, high), verdict_of((low, high), chance, n), n)
        for (_, mean, n), (low, high), chance in zip(told, ends, chances, strict=True)
    ]


def _drawn(columns: Sequence[Doubles], truth: Truth, seed: int, members: Bools | None) -> tuple[Doubles, Doubles]:
    """Means of samples of customers, (n, C), and of all, (C,); only customers with a member are drawn."""
    counts_all = members if members is not None else np.ones(len(truth.user), bool)
    _, user = np.unique(truth.user[counts_all], return_inverse=True)
    total = np.column_stack([np.bincount(user, column[counts_all]).astype(np.float64) for column in columns])
    counts = np.broadcast_to(np.bincount(user).astype(np.float64)[:, None], total.shape)
    drawn = resampled_means(total, counts, np.random.default_rng(seed), MIN_RESAMPLES)
    return drawn, total.sum(axis=0) / counts.sum(axis=0)


def _by_count(family: str, stranger: str, count: Longs) -> Iterator[RatingGroup]:
    """Those nothing is known of; the tenth least is known of; the rest in three parts of a size."""
    yield RatingGroup(family, stranger, count == 0)
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
    """By what the customer said, each value apart, or stretches of them where there are many."""
    family, values = "By what the customer then gave", np.unique(value)
    for part in np.array_split(values, min(len(values), MOST_VALUES)):
        title = f"{part[0]:g}" if len(part) == 1 else f"{part[0]:g} to {part[-1]:g}"
        yield RatingGroup(family, title, (value >= part[0]) & (value <= part[-1]))
