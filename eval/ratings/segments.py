"""Segments of the ratings of a test file: by what is known of customer and item, and by the rating itself."""

from collections.abc import Iterator

import numpy as np

from eval.ratings.truth import Truth
from eval.scoring.segments import Segment, count_bands, large_segments
from recsys.arrays import Doubles, Longs

MOST_VALUES = 10  # a scale with more steps is split into as many ranges


def rating_segments(truth: Truth) -> tuple[list[Segment], int]:
    """The segments with enough customers to be shown, and the number of the others."""
    segments = [
        *_by_count("By how many ratings the customer had given", truth.n_of_user),
        *_by_count("By how many ratings the item had", truth.n_of_item),
        *_by_value(truth.value),
    ]
    return large_segments(segments, lambda members: len(np.unique(truth.user[members])))


def _by_count(family: str, count: Longs) -> Iterator[Segment]:
    yield Segment(family, "New to the file", count == 0)
    yield from (Segment(family, counts, members) for _, counts, members in count_bands(count))


def _by_value(value: Doubles) -> Iterator[Segment]:
    """By the rating that was given: a segment for each value, or for ranges of values where there are many."""
    values = np.unique(value)
    for part in np.array_split(values, min(len(values), MOST_VALUES)):
        title = f"{part[0]:g}" if len(part) == 1 else f"{part[0]:g} to {part[-1]:g}"
        yield Segment("By what the customer then gave", title, (value >= part[0]) & (value <= part[-1]))
