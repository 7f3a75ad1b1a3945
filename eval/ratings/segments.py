"""Segments of the ratings of a test file: by what is known of customer and item, and by the rating itself."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eval.protocol import MIN_GROUP
from eval.ratings.truth import Truth
from eval.scoring.bands import count_bands, count_range
from recsys.arrays import Bools, Doubles, Longs

MOST_VALUES = 10  # a scale with more steps is split into as many ranges


@dataclass(frozen=True, slots=True)
class RatingGroup:
    """A group of ratings.  family: what it is split by; members (N,): which of the ratings are in it."""

    family: str
    title: str
    members: Bools


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


def count_customers(group: RatingGroup, truth: Truth) -> int:
    """How many customers gave the ratings of the group."""
    return len(np.unique(truth.user[group.members]))


def _by_count(family: str, count: Longs) -> Iterator[RatingGroup]:
    yield RatingGroup(family, "New to the file", count == 0)
    for _, low, high, members in count_bands(count):
        yield RatingGroup(family, count_range(low, high), members)


def _by_value(value: Doubles) -> Iterator[RatingGroup]:
    """By the rating that was given: a group for each value, or for ranges of values where there are many."""
    family, values = "By what the customer then gave", np.unique(value)
    for part in np.array_split(values, min(len(values), MOST_VALUES)):
        title = f"{part[0]:g}" if len(part) == 1 else f"{part[0]:g} to {part[-1]:g}"
        yield RatingGroup(family, title, (value >= part[0]) & (value <= part[-1]))
