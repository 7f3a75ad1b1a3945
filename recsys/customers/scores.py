"""Scores of customers: RFM quintiles and ABC classes, in which no order of rows matters."""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import AnyArray, Bools, Bytes, Doubles, Kinds
from recsys.customers.rhythm import Rhythm
from recsys.time_units import DAY_MS

QUINTILES = 5
ABC_CUTS = (0.8, 0.95)  # of the revenue, cumulated from the best
ABC_LETTERS = "ABC"
UNKNOWN = 0  # the score of a customer without an order


@dataclass(frozen=True, slots=True)
class RfmScores:
    """Quintiles of recency, frequency (purchase days) and money, (U,) int8 each: 5 is best, 0 is without an order."""

    recency: Kinds
    frequency: Kinds
    money: Kinds


def quintile_scores(values: AnyArray) -> Kinds:
    """1 + floor(5 * number of smaller values / n): equal values get equal scores.  (n,) -> (n,), 1 to 5."""
    smaller = np.sort(values).searchsorted(values)
    return (1 + QUINTILES * smaller // max(len(values), 1)).astype(np.int8)


def rfm_scores(rhythm: Rhythm, is_counted: Bools) -> RfmScores:
    """The scores of the counted customers with an order, among each other.

    is_counted (U,): see `CustomerTable`.  Recency and frequency count in whole days (UTC).
    """
    kept = rhythm.has_bought & is_counted
    return RfmScores(_among(kept, rhythm.last_at_ms // DAY_MS), _among(kept, rhythm.n_days), _among(kept, rhythm.money))


def _among(kept: Bools, values: AnyArray) -> Kinds:
    scores = np.full(len(kept), UNKNOWN, np.int8)
    scores[kept] = quintile_scores(values[kept])
    return scores


def abc_classes(money: Doubles) -> Bytes:
    """0 (A), 1 (B) or 2 (C) by cumulated money, from the highest: whoever crosses a cut belongs to the better class.

    Equal money counts in the order of positions.  Without money all are C.  (n,) -> (n,)
    """
    order = np.lexsort((np.arange(len(money)), -money))
    before = np.empty(len(money))
    before[order] = np.concatenate(([0.0], np.cumsum(money[order])))[: len(money)]
    return abc_class(before, float(money.sum()))


def abc_class(money_before: Doubles, total: float) -> Bytes:
    """The class by the money of all who come before, out of the total.  (n,) -> (n,)"""
    low, high = (cut * total for cut in ABC_CUTS)
    return ((money_before >= low).astype(np.uint8) + (money_before >= high)).astype(np.uint8)
