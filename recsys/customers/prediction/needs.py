"""Needs: the chance that a customer buys again what they bought before, within a horizon.

A pair of customer and item has the score of the buy-again model and the time since the last purchase over the own gap;
one logistic calibration per horizon makes a chance of both.  The same works for categories in the place of items.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs
from recsys.bundle.array_spec import ArraySpec
from recsys.customers.prediction.logistic import LogisticModel
from recsys.data.dataset.histories import Histories, build_histories
from recsys.data.events import Kind
from recsys.models.buy_again import BuyAgainModel
from recsys.models.serialization import StoredAmount, StoredDays, StoredFields

NEED_HORIZONS = (7, 14, 28)  # days
MIN_DAYS = 2  # on which an item was bought
MOST_AGE_DAYS = 180.0  # since the last purchase
SAME_MOMENT = 1e-6  # days: ages have lost digits
NEED_FEATURES = (
    *("log_score", "log_overdue", "log_overdue_squared", "log_gap", "log_days", "log_age"),
    *("log_days_of_28", "log_days_of_91"),
)
RECENT_DAYS = (28.0, 91.0)
FREQUENCY_FEATURES = (4, 5)  # of the rule: bought on more days; of equals, bought later
METHODS_OF_NEED = ("frequency", "logistic")


@dataclass(frozen=True, slots=True)
class NeedPairs:
    """P pairs that may be needed again, sorted by customer, then item.

    customer int64, item int32, n_days (days with a purchase), gap_days (mean), age_days (since the last), score.  (P,)
    recent_days: days with a purchase of the last RECENT_DAYS.  (P, 2)
    """

    customer: Longs
    item: Ints
    n_days: Longs
    gap_days: Doubles
    age_days: Doubles
    score: Doubles
    recent_days: Longs

    def features(self) -> Doubles:
        """(P, 8), in the order of NEED_FEATURES."""
        gap, age = np.maximum(self.gap_days, 1.0), np.maximum(self.age_days, 0.5)
        overdue = np.log(np.clip(self.age_days / gap, 0.02, 50.0))
        own = (np.log(self.score + 1e-9), overdue, overdue**2, np.log(gap), np.log(self.n_days), np.log(age))
        return np.column_stack((*own, np.log1p(self.recent_days)))

    def frequency(self) -> Doubles:
        """The score of the rule: days with a purchase; of equals, those bought later are likelier.  (P,)"""
        return self.n_days - self.age_days / 1e6


def need_pairs(model: BuyAgainModel, histories: Histories) -> NeedPairs:
    """Pairs bought on MIN_DAYS days or more, lately within MOST_AGE_DAYS of `histories.now`, not all sent back."""
    customer, item, score = _scores(model, histories)
    bought = histories.only(Kind.PURCHASE)
    pairs = bought.pairs()
    n_days, recent_days = _purchase_days(bought)
    gap = (pairs.last_at - pairs.first_at) / np.maximum(n_days - 1, 1)
    age = histories.now - pairs.last_at
    n_items = max(histories.n_items, 1)
    cell, scored = pairs.user * n_items + pairs.item, customer * n_items + item
    place = np.minimum(scored.searchsorted(cell), max(len(scored) - 1, 0))
    own_score = np.where(scored[place] == cell, score[place], 0.0) if len(scored) else np.zeros(len(cell))
    kept = (n_days >= MIN_DAYS) & (age <= MOST_AGE_DAYS) & (own_score > 0)
    customer, item, n_days, recent_days = pairs.user[kept], pairs.item[kept], n_days[kept], recent_days[kept]
    return NeedPairs(customer, item, n_days, gap[kept], age[kept], own_score[kept], recent_days)


def bought_within(histories: Histories, pairs: NeedPairs, until: float) -> Bools:
    """Which pairs were bought from `histories.now` on, before `until` (days since 1970).  (P,)

    histories: of all times.
    """
    later = histories.only(Kind.PURCHASE)
    later = later.where((later.at >= histories.now) & (later.at < until))
    n_items = max(histories.n_items, 1)
    bought = np.unique(later.user.astype(np.int64) * n_items + later.item)
    return np.isin(pairs.customer * n_items + pairs.item, bought)


def turned_down(histories: Histories, pairs: NeedPairs) -> Bools:
    """Which pairs were sent back or dismissed since their last purchase.  pairs: of these histories.  (P,)"""
    later = histories.only(Kind.RETURN, Kind.DISMISS)
    is_down = np.zeros(len(pairs.item), bool)
    if not len(pairs.item) or not len(later.item):
        return is_down
    n_items = max(histories.n_items, 1)
    cell, refused = pairs.customer * n_items + pairs.item, later.user * n_items + later.item
    place = np.minimum(cell.searchsorted(refused), len(cell) - 1)
    since = later.at >= histories.now - pairs.age_days[place] - SAME_MOMENT
    is_down[place[(cell[place] == refused) & since]] = True
    return is_down


def used_horizons(days: float) -> list[int]:
    """The horizons of NEED_HORIZONS that a chance within so many days is taken from: one, or the two around it."""
    low, high = _place(days)
    return [NEED_HORIZONS[at] for at in sorted({low, high})]


@dataclass(frozen=True, slots=True)
class NeedsModel(StoredFields):
    """A calibration for each of NEED_HORIZONS, of the model or of the rule."""

    NESTED: ClassVar = {f"within_{days}": (f"within_{days}/", LogisticModel) for days in NEED_HORIZONS}
    within_7: LogisticModel
    within_14: LogisticModel
    within_28: LogisticModel

    def chance(self, pairs: NeedPairs, days: float) -> Doubles:
        """The chance of each pair within so many days: that of the nearest horizons, linear in between.  (P,)"""
        chances = np.maximum.accumulate([model.probability(self._features(pairs)) for model in self._models()], axis=0)
        low, high = _place(days)
        share = np.interp(days, NEED_HORIZONS, np.arange(len(NEED_HORIZONS))) - low
        between: Doubles = chances[low] + share * (chances[high] - chances[low])
        return between

    def method(self, days: float) -> str:
        """Which of METHODS_OF_NEED the chance within so many days comes from, by the later of its horizons."""
        return METHODS_OF_NEED[bool(self._models()[_place(days)[1]].coefficient[0])]

    def _models(self) -> tuple[LogisticModel, ...]:
        return self.within_7, self.within_14, self.within_28

    def _features(self, pairs: NeedPairs) -> Doubles:
        return pairs.features()[:, : len(self.within_7.coefficient)]  # the first releases learnt fewer


@dataclass(frozen=True, slots=True)
class CategoryNeeds(StoredFields):
    """Needs of G categories: what `NeedsModel` and `BuyAgainModel` say of categories in the place of items."""

    NESTED: ClassVar = {"chances": ("chances/", NeedsModel)}
    chances: NeedsModel
    loyalty: Annotated[Floats, ArraySpec("G", low=0)]
    half_life_days: StoredDays
    doubt: StoredAmount
    overdue_fade: StoredAmount

    @classmethod
    def of_models(cls, chances: NeedsModel, buy_again: BuyAgainModel) -> "CategoryNeeds":
        """From both models of categories."""
        return cls(chances, buy_again.loyalty, buy_again.half_life_days, buy_again.doubt, buy_again.overdue_fade)

    def pairs(self, histories: Histories, category: Ints) -> NeedPairs:
        """The pairs of customers and categories.  category (I,): codes; those after the training are left out."""
        model = BuyAgainModel(self.loyalty, self.half_life_days, self.doubt, self.overdue_fade)
        return need_pairs(model, histories_by_category(histories, category, len(self.loyalty)))


def histories_by_category(histories: Histories, category: Ints, n_categories: int) -> Histories:
    """The same with categories in the place of items, without unknown ones.  category (I,): codes, 0 is unknown."""
    code = category[histories.item]
    kept = (code > 0) & (code < n_categories)
    return build_histories(
        user=histories.user[kept].astype(np.int32),
        item=code[kept].astype(np.int32),
        at=histories.at[kept],
        weight=histories.weight[kept],
        kind=histories.kind[kept],
        n_users=len(histories),
        n_items=n_categories,
        now=histories.now,
    )


def _place(days: float) -> tuple[int, int]:
    """The horizons around so many days, by place; the same twice where days is one of them or beyond them."""
    place = float(np.interp(days, NEED_HORIZONS, np.arange(len(NEED_HORIZONS))))
    return int(np.floor(place)), int(np.ceil(place))


def _scores(model: BuyAgainModel, histories: Histories) -> tuple[Longs, Ints, Doubles]:
    """Customer, item and score of each pair with a score, in order of both."""
    cells, total = model.score_all_own(histories)
    customer, item = np.divmod(cells, max(histories.n_items, 1))
    return customer, item.astype(np.int32), total.astype(np.float64)


def _purchase_days(bought: Histories) -> tuple[Longs, Longs]:
    """On how many days each pair of `pairs` was bought, and on how many of the last RECENT_DAYS.  (P,), (P, 2)"""
    user, day = bought.user, np.floor(bought.at)
    is_pair, is_day = np.ones(len(day), bool), np.ones(len(day), bool)
    is_pair[1:] = (np.diff(user) != 0) | (np.diff(bought.item) != 0)
    is_day[1:] = is_pair[1:] | (np.diff(day) != 0)
    starts = np.flatnonzero(is_pair)
    if not len(starts):
        return np.zeros(0, np.int64), np.zeros((0, len(RECENT_DAYS)), np.int64)
    n_days, *recent = (
        np.add.reduceat((is_day & (bought.at >= since)).astype(np.int64), starts)
        for since in (-np.inf, *(bought.now - days for days in RECENT_DAYS))
    )
    return n_days, np.column_stack(recent)
