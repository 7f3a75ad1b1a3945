"""What this customer will buy again: their own purchases, recent ones first, by how often the item is bought again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import PURCHASE, RETURN, Kind
from recsys.models.hyperparameters import HalfLifeDays, PositiveAmount
from recsys.models.serialization import require_events, restored, state

SIGN = np.zeros(len(Kind) + 1, np.float32)  # what an event of each kind says of buying again
SIGN[PURCHASE], SIGN[RETURN] = 1, -1

HALF_A_DAY = 0.5  # what was bought just now is that old


@dataclass(frozen=True, slots=True)
class BuyAgainModel:
    """loyalty (I,): what one purchase says of the next, 1 is the shop's usual; half_life_days: of a purchase.

    doubt, overdue_fade: see the learner; releases made before they were there know neither.
    """

    name: ClassVar[str] = "buy_again"
    loyalty: Floats
    half_life_days: float
    doubt: float = 0.0
    overdue_fade: float = 0.0

    def score(self, histories: Histories) -> Floats:
        """Decayed purchases less returns, by loyalty and what is overdue; 0 for what the customer never bought."""
        scores = np.zeros((len(histories), histories.n_items), np.float32)
        cells, total = self._totals(histories)
        scores.reshape(-1)[cells] = total
        return scores

    def score_own(self, history: Histories) -> tuple[Ints, Floats]:
        item, total = self._totals(history)
        liked = total.nonzero()[0]
        return item[liked].astype(np.int32, copy=False), total[liked]

    def _totals(self, histories: Histories) -> tuple[Longs | Ints, Floats]:
        """Cells of a flat (Q * I,) table that have purchases, ascending, and the score of each, at least 0."""
        sign, cells, item, at = SIGN[histories.kind], _cells(histories), histories.item, histories.at
        telling = sign.nonzero()[0]
        if len(telling) < len(sign):
            sign, cells, item, at = sign[telling], cells[telling], item[telling], at[telling]
        if not len(item):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        is_first = np.ones(len(cells), bool)
        np.not_equal(cells[1:], cells[:-1], out=is_first[1:])
        starts = is_first.nonzero()[0]
        age = np.maximum(histories.now - at, HALF_A_DAY).astype(np.float32)
        weight = np.exp2(age * (-1 / self.half_life_days))
        weight *= sign
        total = np.add.reduceat(weight, starts)
        total *= self.loyalty[item[starts]]
        if self.doubt or self.overdue_fade:
            total /= self._against(age, starts)
        return cells[starts], np.maximum(total, 0, out=total)

    def _against(self, age: Floats, starts: Longs) -> Floats:
        """What the score is divided by for when and how often each item was bought.  (N,), (P,) -> (P,), above 1."""
        # Runs with every answer: few steps.
        ends = np.empty_like(starts)
        ends[:-1], ends[-1] = starts[1:], len(age)
        count = (ends - starts).astype(np.float32)
        ends -= 1
        against = age[ends]
        against *= count
        against /= age[starts]
        against *= self.overdue_fade
        against += self.doubt / count
        against += 1
        return against

    def arrays(self) -> Mapping[str, AnyArray]:
        return state(self)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(**restored(arrays))


@dataclass(frozen=True, slots=True)
class BuyAgain:
    """half_life_days: of a purchase.  loyalty_power: 0 trusts the customer's own purchases alone, 1 the rate in full.

    prior_customers: as many customers with the shop's usual repeat rate are added to those of every item.
    reach_power: what everybody buys counts a little less, by buyers to this power: lists hold more of the own.
    demand_power: what many buy lately counts more, by the buyers of the last `demand_days` to this power.
    doubt: purchases that every item has to outweigh, for one may have been a try: n of them count n / (n + doubt).
    overdue_fade: how fast an item is given up that used to be bought again by now, with every usual gap gone by since
    the last purchase; the usual gap is the time since the first one by their number.
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
        """Raises NotEnoughData without any event; without purchases every item is as usual."""
        require_events(data)
        purchases = data.histories.only(Kind.PURCHASE)
        buyers = np.bincount(purchases.pairs().item, minlength=data.n_items)
        lately = np.bincount(purchases.since(purchases.now - self.demand_days).pairs().item, minlength=data.n_items)
        loyalty = self._repeat_rate(purchases) ** self.loyalty_power * np.maximum(buyers, 1) ** -self.reach_power
        loyalty *= np.maximum(lately, 1) ** self.demand_power
        return BuyAgainModel(loyalty.astype(np.float32), self.half_life_days, self.doubt, self.overdue_fade)

    def _repeat_rate(self, purchases: Histories) -> Doubles:
        """Share of an item's buyers who bought it on a second day, shrunk to and divided by the shop's share, (I,)."""
        pairs, n_items = purchases.pairs(), purchases.n_items
        again = np.floor(pairs.last_at) > np.floor(pairs.first_at)
        if not again.any():
            return np.ones(n_items)
        usual = again.mean()
        buyers = np.bincount(pairs.item, minlength=n_items) + self.prior_customers
        repeaters = np.bincount(pairs.item, again, minlength=n_items) + self.prior_customers * usual
        # Without a prior an item nobody bought has no rate: it is as usual.
        rate: Doubles = np.divide(repeaters, buyers * usual, out=np.ones(n_items), where=buyers > 0)
        return rate


def _cells(histories: Histories) -> Longs | Ints:
    """Where each event falls in a flat (Q * I,) table of scores, (N,)."""
    if len(histories) == 1:
        return histories.item
    lengths = np.diff(histories.offsets)
    starts = np.arange(len(lengths), dtype=np.int64) * histories.n_items
    return np.repeat(starts, lengths) + histories.item
