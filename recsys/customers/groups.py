"""Groups of customers by their RFM scores: the names that shops know, and a short naming beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from recsys.arrays import Bools, Kinds
from recsys.customers.scores import QUINTILES, RfmScores
from recsys.errors import BadSettings

Span = tuple[int, int]
EVERY: Span = (1, QUINTILES)


@dataclass(frozen=True, slots=True)
class RfmGroup:
    """A name and the scores that belong to it, both ends included."""

    name: str
    r: Span = EVERY
    f: Span = EVERY
    m: Span = EVERY

    def holds(self, scores: RfmScores) -> Bools:
        """Whether each customer's scores lie in all three spans.  (U,)"""
        parts = ((scores.recency, self.r), (scores.frequency, self.f), (scores.money, self.m))
        held = np.ones(len(scores.recency), bool)
        for score, (low, high) in parts:
            held &= (score >= low) & (score <= high)
        return held


# The first that fits counts.  Recency names how lately, frequency how often they came.
RFM_GROUPS = (
    RfmGroup("champions", r=(4, 5), f=(4, 5), m=(4, 5)),
    RfmGroup("loyal", r=(3, 5), f=(4, 5)),
    RfmGroup("previously loyal", r=(1, 2), f=(4, 5)),
    RfmGroup("active", r=(4, 5), f=(3, 3)),
    RfmGroup("promising", r=(4, 5), f=(2, 2)),
    RfmGroup("new", r=(4, 5), f=(1, 1)),
    RfmGroup("needs attention", r=(3, 3), f=(2, 3)),
    RfmGroup("promising", r=(3, 3), f=(1, 1)),
    RfmGroup("at risk", r=(1, 2), f=(3, 3)),
    RfmGroup("almost lost", r=(2, 2), f=(1, 2)),
    RfmGroup("dormant", r=(1, 1), f=(1, 2)),
)
SHORT_GROUPS = ("high value", "important to win back", "new", "low value")
RECENT = 3  # the least recency score of "high value" and "new"
STRONG = 7  # the least sum of the scores of frequency and money of "high value" and "important to win back"


@dataclass(frozen=True, slots=True)
class Grouping:
    """names: in order of first appearance.  group_by_cell (6, 6, 6): a place in names for each R, F, M; 0 unused."""

    names: tuple[str, ...]
    group_by_cell: Kinds

    def of_scores(self, scores: RfmScores) -> Kinds:
        """The place in names of each customer, -1 without scores.  (U,)"""
        groups: Kinds = self.group_by_cell[scores.recency, scores.frequency, scores.money]
        return groups


def build_grouping(groups: Sequence[RfmGroup] = RFM_GROUPS) -> Grouping:
    """The table of all 125 cells; the first group that fits counts.  Raises BadSettings for a cell without a group."""
    names = tuple(dict.fromkeys(group.name for group in groups))
    cells = np.array(list(product(range(1, QUINTILES + 1), repeat=3)), np.int8)
    scores = RfmScores(*cells.T)
    table = np.full((QUINTILES + 1,) * 3, -1, np.int8)
    for group in reversed(groups):
        r, f, m = cells[group.holds(scores)].T
        table[r, f, m] = names.index(group.name)
    for r, f, m in cells.tolist():
        if table[r, f, m] < 0:
            raise BadSettings(
                f"[[customers.groups]]: no group holds the scores {r}{f}{m} (R, F, M); add a last one without limits"
            )
    return Grouping(names, table)


def short_groups(scores: RfmScores) -> Kinds:
    """The place in SHORT_GROUPS of each customer, -1 without scores.  (U,)"""
    is_recent, is_strong = scores.recency >= RECENT, scores.frequency + scores.money >= STRONG
    group = np.where(is_strong, np.where(is_recent, 0, 1), np.where(is_recent, 2, 3))
    return np.where(scores.recency > 0, group, -1).astype(np.int8)
