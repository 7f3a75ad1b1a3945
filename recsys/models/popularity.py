"""Popularity: best-sellers of the shop and of each category, and trending items."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles, Floats, Ints, Longs
from recsys.bundle.array_spec import ArraySpec, offsets, positions
from recsys.data.dataset.histories import Histories, decay
from recsys.data.dataset.interactions import Interactions
from recsys.models.hyperparameters import Count, HalfLifeDays, PositiveAmount
from recsys.models.neighbour_table import first_of_each_row
from recsys.models.serialization import StoredDays, StoredFields, require_events

HALF_LIFE_DAYS = 28.0
STEADY = 1.0  # the trend of an item that sells as usual


@dataclass(frozen=True, slots=True)
class PopularityModel(StoredFields):
    """The same for all users.

    weight (I,): users who wanted the item, each with their one strongest decayed event;
    order (I,): all items, most popular first, ties by position;
    category_offsets (C + 1,), category_items (I,): the same order inside each category code;
    trend (I,): sales of the last days against the item's average sales, 1 is steady, 0 not sold.
    half_life_days: how fast an event faded in `weight`.
    """

    name: ClassVar[str] = "popularity"
    weight: Annotated[Floats, ArraySpec("I", low=0)]
    order: Annotated[Ints, positions("I", "I", order="each once")]
    category_offsets: Annotated[Longs, offsets("C", "I")]
    category_items: Annotated[Ints, positions("I", "I", order="each once")]
    trend: Annotated[Floats, ArraySpec("I", low=0)]
    half_life_days: StoredDays = HALF_LIFE_DAYS

    def score(self, histories: Histories) -> Floats:
        return np.repeat(self.weight[None], len(histories), axis=0)

    def by_category(self, category: int) -> Ints:
        """Items of that category code, most popular first; empty for an unknown code."""
        if not 0 <= category < len(self.category_offsets) - 1:
            return self.category_items[:0]
        return self.category_items[self.category_offsets[category] : self.category_offsets[category + 1]]


class Demand(NamedTuple):
    """Sums over customers by item, (I,) each: those of two groups of customers add up.

    weight: as in the model.  lately, usually: sales at the two rates that `trend` compares.  customers: of late.
    """

    weight: Doubles
    lately: Doubles
    usually: Doubles
    customers: Doubles


@dataclass(frozen=True, slots=True)
class Popularity:
    """Counts users, not sales: one household that buys an item every day does not make it a best-seller.

    half_life_days: how fast a user's event fades.  window_days: older events do not count at all.
    trend_days, usual_days: half-lives of the two sales rates that `trend` compares.  trend_prior: number of steady
    sales added to every item, so that two sales after one are no trend.  trend_cap: sales of the last days that one
    customer counts for at most.  trend_customers: an item that fewer chose lately does not trend.
    """

    half_life_days: HalfLifeDays = HALF_LIFE_DAYS
    window_days: HalfLifeDays = float("inf")
    trend_days: HalfLifeDays = 7.0
    usual_days: HalfLifeDays = 28.0
    trend_prior: PositiveAmount = 10.0
    trend_cap: PositiveAmount = 2.0
    trend_customers: Count = 3

    def fit(self, data: Interactions, rng: Generator) -> PopularityModel:
        require_events(data)
        return self.model(self.demand(data.histories), data.category)

    def model(self, demand: Demand, category: Ints) -> PopularityModel:
        """From the demand of all customers and the category code of each item, (I,)."""
        weight = demand.weight.astype(np.float32)
        order = np.lexsort((np.arange(len(weight)), -weight)).astype(np.int32)
        n_categories = int(category.max()) + 1
        kept, offsets = first_of_each_row(category[order], (), n_rows=n_categories, most=len(weight))
        return PopularityModel(weight, order, offsets, order[kept], self._trend(demand), self.half_life_days)

    def demand(self, histories: Histories) -> Demand:
        """The demand of these customers."""
        weight = users_by_item(histories.since(histories.now - self.window_days), self.half_life_days)
        item, lately_by_pair = _sales(histories, self.trend_days)
        _, usually_by_pair = _sales(histories, self.usual_days)
        cap = self.trend_cap / np.maximum(lately_by_pair, self.trend_cap)  # of both rates: neither a trend nor a fall
        lately, usually = (
            np.bincount(item, by_pair * cap, minlength=histories.n_items).astype(np.float64)
            for by_pair in (lately_by_pair, usually_by_pair)
        )
        recent = histories.since(histories.now - 2 * self.trend_days)
        customers = np.bincount(strongest_events(recent, np.inf)[1], minlength=histories.n_items)
        return Demand(weight, lately, usually, customers.astype(np.float64))

    def _trend(self, demand: Demand) -> Floats:
        lately, usually = demand.lately, demand.usually
        # Growth of the whole shop is no trend of an item: long-term sales are scaled to the level of the last days.
        expected = usually * (lately.sum() / max(usually.sum(), np.finfo(np.float64).tiny))
        trend = (lately + self.trend_prior) / np.maximum(expected + self.trend_prior, np.finfo(np.float64).tiny)
        trend = np.where(demand.customers < self.trend_customers, np.minimum(trend, STEADY), trend)
        return np.where(lately > 0, trend, 0.0).astype(np.float32)


def strongest_events(histories: Histories, half_life_days: float) -> tuple[Longs, Ints, Doubles]:
    """User, item and strongest decayed event of each pair: (P,), (P,), (P,)."""
    weight = np.maximum(histories.weight, 0) * decay(histories.now - histories.at, half_life_days)
    pairs = histories.pairs()
    starts = np.cumsum(pairs.count) - pairs.count
    return pairs.user, pairs.item, np.maximum.reduceat(weight, starts) if len(starts) else weight


def users_by_item(histories: Histories, half_life_days: float) -> Doubles:
    """Users of each item, each with their one strongest decayed event, (I,)."""
    _, item, weight = strongest_events(histories, half_life_days)
    return np.bincount(item, weight, minlength=histories.n_items).astype(np.float64)


def _sales(histories: Histories, half_life_days: float) -> tuple[Ints, Doubles]:
    """Item and decayed sum of the positive event weights of each pair, (P,), (P,): a rate, so every event counts."""
    weight = np.maximum(histories.weight, 0) * decay(histories.now - histories.at, half_life_days)
    pairs = histories.pairs()
    starts = np.cumsum(pairs.count) - pairs.count
    return pairs.item, np.add.reduceat(weight, starts) if len(starts) else weight
