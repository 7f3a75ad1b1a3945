"""Bands by count hold every count once, and small segments are counted and not shown."""

import numpy as np

from eval.scoring.segments import Segment, count_bands, large_segments
from recsys.customers.population import MIN_GROUP


def test_the_lightest_tenth_is_a_band_and_the_rest_in_three() -> None:
    count = np.arange(101)
    bands = [(name, counts, int(members.sum())) for name, counts, members in count_bands(count)]
    assert bands == [
        ("Lightest tenth", "1 to 11", 11),
        ("Light", "12 to 41", 30),
        ("Medium", "42 to 71", 30),
        ("Heavy", "72 to 100", 29),
    ]


def test_equal_counts_stay_together_and_empty_bands_are_left_out() -> None:
    assert [(counts, int(members.sum())) for _, counts, members in count_bands(np.array([0, 7, 7, 7]))] == [
        ("1 to 7", 3)
    ]
    assert list(count_bands(np.array([0, 0]))) == []


def test_small_segments_are_counted_and_empty_ones_are_not() -> None:
    sizes = (MIN_GROUP, MIN_GROUP - 1, 0)
    segments = [Segment("size", str(size), np.arange(MIN_GROUP) < size) for size in sizes]
    large, n_hidden = large_segments(segments, np.count_nonzero)
    assert ([segment.title for segment in large], n_hidden) == ([str(MIN_GROUP)], 1)
