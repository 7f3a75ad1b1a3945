"""Buy again: a user's own purchases by recency, frequency, and how often the item is bought again."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from numpy.random import Generator

from recsys import kernels
from recsys.arrays import Bools, Doubles, Floats, Ints, Longs
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.histories import Histories, past_purchases
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import PURCHASE, RETURN, Kind
from recsys.models.candidates import ranked
from recsys.models.hyperparameters import HalfLifeDays, PositiveAmount
from recsys.models.serialization import StoredAmount, StoredDays, StoredFields, require_events

SIGN = np.zeros(len(Kind) + 1, np.float32)  # of an event of each kind for buying again
SIGN[PURCHASE], SIGN[RETURN] = 1, -1

MIN_AGE_DAYS = 0.5  # minimum age: a newer purchase counts as that old


class OwnPurchases(NamedTuple):
    """Items of one history, best first: their scores, how often each was bought, the day of the last time since 1970.

    items, times, days (K,) int32, scores (K,) float32.
    """

    items: Ints
    scores: Floats
    times: Ints
    days: Ints


@dataclass(frozen=True, slots=True)
class BuyAgainModel(StoredFields):
    """loyalty (I,): how far one purchase predicts the next, 1 is the shop's average; half_life_days: of a purchase.

    doubt, overdue_fade: see the learner; releases made before these settings existed have neither.
    """

    name: ClassVar[str] = "buy_again"
    loyalty: Annotated[Floats, ArraySpec("I", low=0)]
    half_life_days: StoredDays
    doubt: StoredAmount = 0.0
    overdue_fade: StoredAmount = 0.0

    def score(self, histories: Histories) -> Floats:
        """Decayed purchases less returns, times loyalty, less for overdue items; 0 for items the user never bought."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        cells, total = self._totals(histories)
        scores.reshape(-1)[cells] = total
        return scores

    def score_own(self, history: Histories) -> tuple[Ints, Floats]:
        item, total = self._totals(history)
        liked = total.nonzero()[0]
        return item[liked].astype(np.int32, copy=False), total[liked]

    def best_own(self, history: Histories, k: int, mask: Bools | None = None) -> OwnPurchases:
        """The k best of `score_own`, ties by position.  mask (I,): which items may be among them; None for all."""
        if kernels.compiled is not None:
            columns = (history.item, history.at, history.kind, mask, self.loyalty, SIGN)
            settings = (history.now, self.half_life_days, self.doubt, self.overdue_fade, k)
            matches, *dates = kernels.compiled.buy_again(*columns, *settings)
            return OwnPurchases(*matches, *dates)
        items, scores = self.score_own(history if mask is None else history.where(mask[history.item]))
        best = ranked(items, scores, k)
        times, days = past_purchases(best.items, history)
        return OwnPurchases(best.items, best.scores, times.astype(np.int32), days.astype(np.int32))

    def score_all_own(self, histories: Histories) -> tuple[Longs, Floats]:
        """Cells of a (Q, I) table that Q users bought, ascending, and their scores, without making the table.  (P,)"""
        if not len(histories.item):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        cells, total = self._totals(histories)
        liked = total.nonzero()[0]
        return cells[liked].astype(np.int64), total[liked]

    def _totals(self, histories: Histories) -> tuple[Longs | Ints, Floats]:
        """Cells of a flat (Q * I,) table that have purchases, ascending, and the score of each, at least 0."""
        sign, cells, item, at = SIGN[histories.kind], _cells(histories), histories.item, histories.at
        relevant = sign.nonzero()[0]
        if len(relevant) < len(sign):
            sign, cells, item, at = sign[relevant], cells[relevant], item[relevant], at[relevant]
        if not len(item):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        is_first = np.ones(len(cells), bool)
        np.not_equal(cells[1:], cells[:-1], out=is_first[1:])
        starts = is_first.nonzero()[0]
        age = np.maximum(histories.now - at, MIN_AGE_DAYS).astype(np.float32)
        weight = np.exp2(age * (-1 / self.half_life_days))
        weight *= sign
        total = np.add.reduceat(weight, starts)
        total *= self.loyalty[item[starts]]
        if self.doubt or self.overdue_fade:
            total /= self._divisor(age, sign, starts)
        return cells[starts], np.maximum(total, 0, out=total)

    def _divisor(self, age: Floats, sign: Floats, starts: Longs) -> Floats:
        """Divisor of each score by `doubt` and `overdue_fade`, for purchases less returns.  (N,), (P,) -> (P,)"""
        # Every request runs this: few steps.
        ends = np.empty_like(starts)
        ends[:-1], ends[-1] = starts[1:], len(age)
        # To count is faster than to add up ones, which is all there is unless something was sent back.
        count = np.maximum(np.add.reduceat(sign, starts), 1) if (sign < 0).any() else (ends - starts).astype(np.float32)
        ends -= 1
        divisor = age[ends]
        divisor *= count
        divisor /= age[starts]
        divisor *= self.overdue_fade
        divisor += self.doubt / count
        divisor += 1
        return divisor


class RepeatCounts(NamedTuple):
    """Customers by item, (I,) each: buyers, those on a second day, those of late.  Groups of customers add up."""

    buyers: Doubles
    repeaters: Doubles
    lately: Doubles


@dataclass(frozen=True, slots=True)
class BuyAgain:
    """half_life_days: of a purchase.  loyalty_power: 0 uses the user's own purchases alone, 1 the repeat rate in full.

    prior_customers: number of users with the shop's average repeat rate that are added to those of every item.
    reach_power: items that everyone buys count a little less, by buyers to this power: lists become more personal.
    demand_power: items in demand count more, by the buyers of the last `demand_days` to this power.
    doubt: prior purchases of every item, because a single purchase may be a trial: n of them count n / (n + doubt).
    overdue_fade: how fast an overdue item loses weight, per average gap since its last purchase.  The average gap is
    the time since the first purchase, divided by the number of purchases.
    """

    half_life_days: HalfLifeDays = 90.0
    loyalty_power: PositiveAmount = 0.3
    prior_customers: PositiveAmount = 10.0
    reach_power: PositiveAmount = 0.07
    demand_power: PositiveAmount = 0.07
    demand_days: HalfLifeDays = 28.0
    doubt: PositiveAmount = 3.0
    overdue_fade: PositiveAmount = 0.5

    def fit(self, data: Interactions, rng: Generator) -> BuyAgainModel:
        """Raises NotEnoughData without any event; without purchases every item is average."""
        require_events(data)
        return self.model(self.counts(data.histories))

    def model(self, counts: RepeatCounts) -> BuyAgainModel:
        """From the counts of all customers."""
        loyalty = self._repeat_rate(counts) ** self.loyalty_power * np.maximum(counts.buyers, 1) ** -self.reach_power
        loyalty *= np.maximum(counts.lately, 1) ** self.demand_power
        return BuyAgainModel(loyalty.astype(np.float32), self.half_life_days, self.doubt, self.overdue_fade)

    def counts(self, histories: Histories) -> RepeatCounts:
        """The counts of these customers."""
        purchases, n_items = histories.only(Kind.PURCHASE), histories.n_items
        pairs, lately = purchases.pairs(), purchases.since(purchases.now - self.demand_days).pairs()
        again = np.floor(pairs.last_at) > np.floor(pairs.first_at)
        numbers = (np.bincount(part, minlength=n_items) for part in (pairs.item, pairs.item[again], lately.item))
        return RepeatCounts(*(number.astype(np.float64) for number in numbers))

    def _repeat_rate(self, counts: RepeatCounts) -> Doubles:
        """Share of an item's buyers who bought it on a second day, shrunk to and divided by the shop's share, (I,)."""
        if not counts.repeaters.any():
            return np.ones(len(counts.repeaters))
        average = counts.repeaters.sum() / counts.buyers.sum()
        buyers, repeaters = counts.buyers + self.prior_customers, counts.repeaters + self.prior_customers * average
        # Without a prior an item that nobody bought has no rate: it is average.
        rate: Doubles = np.divide(repeaters, buyers * average, out=np.ones(len(buyers)), where=buyers > 0)
        return rate


def _cells(histories: Histories) -> Longs | Ints:
    """Position of each event in a flat (Q * I,) table of scores, (N,)."""
    if len(histories) == 1:
        return histories.item
    lengths = np.diff(histories.offsets)
    starts = np.arange(len(lengths), dtype=np.int64) * histories.n_items
    return np.repeat(starts, lengths) + histories.item
