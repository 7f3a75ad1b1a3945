"""Segment evaluation: conditions on customers as masks over the rows of a population."""

from collections.abc import Iterator, Mapping
from functools import reduce

import numpy as np

from recsys.arrays import Bools, Doubles, Kinds, Longs
from recsys.config import spelling_hint
from recsys.customers.prediction.needs import need_pairs
from recsys.customers.prediction.scored import NOT_LEARNT
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.events import PURCHASE, RETURN, Kind
from recsys.data.ids import MISSING
from recsys.errors import BadInput, UnknownAttribute, UnknownSegment
from recsys.models.buy_again import BuyAgainModel
from recsys.ranking.filters.columns import check_labels, check_words
from recsys.ranking.filters.eligibility import passing
from recsys.ranking.filters.expression import Where
from recsys.ranking.segments.attributes import attributes_passing
from recsys.ranking.segments.campaigns import campaign_members
from recsys.ranking.segments.columns import COLUMNS, Figures, passing_rows
from recsys.ranking.segments.expression import (
    ActivityCondition,
    AttributeCondition,
    CampaignCondition,
    ChanceCondition,
    ColumnCondition,
    Complement,
    CustomerWhere,
    EveryPart,
    LoyaltyCondition,
    SegmentCondition,
    SegmentExpression,
    SomePart,
)
from recsys.ranking.segments.loyalty import loyalty_members
from recsys.ranking.segments.population import SegmentPopulation
from recsys.time_units import DAY_MS

PROPENSITY_DAYS = (7, 14, 28)
EVENTS_AT_ONCE = 2_000_000
MOST_CELLS = 1 << 26  # customers x days of a block that are marked in a table; of more, the days are sorted


def members(where: CustomerWhere, population: SegmentPopulation, saved: Mapping[str, CustomerWhere]) -> Bools:
    """The customers who pass, without those who may not be named.  (N,)

    saved: the saved segments by name.  Raises BadInput for an attribute, item, category or segment that there is not,
    and for a prediction that the release does not hold.
    """
    return _mask(where.expression, population, saved) & population.is_named


def release_members(where: CustomerWhere, population: SegmentPopulation, saved: Mapping[str, CustomerWhere]) -> Bools:
    """The same of the customers whom the release knows, by their positions.  (U,)"""
    return members(where, population, saved)[: len(population.engine.users)]


def _mask(expression: SegmentExpression, population: SegmentPopulation, saved: Mapping[str, CustomerWhere]) -> Bools:
    n = len(population)
    match expression:
        case EveryPart(parts):
            return reduce(np.logical_and, (_mask(part, population, saved) for part in parts), np.ones(n, bool))
        case SomePart(parts):
            return reduce(np.logical_or, (_mask(part, population, saved) for part in parts), np.zeros(n, bool))
        case Complement(part):
            return ~_mask(part, population, saved)
        case SegmentCondition(names):
            return reduce(np.logical_or, (_saved_mask(name, population, saved) for name in names))
        case CampaignCondition():
            return campaign_members(population, expression)
        case LoyaltyCondition():
            return loyalty_members(population, expression)
        case AttributeCondition(where):
            return _attributes(where, population)
        case ColumnCondition(column, test):
            return passing_rows(test, COLUMNS[column].read(_figures(column, population)))
        case ActivityCondition():
            return passing_rows(expression.test, active_days(population, expression).astype(np.float64))
        case ChanceCondition():
            return passing_rows(expression.test, chances(population, expression))


def _saved_mask(name: str, population: SegmentPopulation, saved: Mapping[str, CustomerWhere]) -> Bools:
    where = saved.get(name)
    if where is None:
        raise UnknownSegment(f"no segment {name!r:.70}; {spelling_hint(name, saved)}")
    mask = population.remembered(where.text)
    return population.remember(where.text, _mask(where.expression, population, saved)) if mask is None else mask


def _attributes(where: Where, population: SegmentPopulation) -> Bools:
    try:
        return attributes_passing(population.attributes(), where, COLUMNS)
    except BadInput:
        if population.is_whole:
            raise
        return np.zeros(len(population), bool)


def _figures(column: str, population: SegmentPopulation) -> Figures:
    if COLUMNS[column].needs_scores and not len(population.scores):
        raise BadInput(f"{column}: the release holds no such prediction ({NOT_LEARNT})")
    return Figures(population.table, population.scores, population.catalogue.category.words)


def active_days(population: SegmentPopulation, condition: ActivityCondition) -> Longs:
    """On how many days (UTC) each customer did that, as the condition limits it; items sent back do not count.  (N,)"""
    histories, where = population.histories, condition.where
    since = -np.inf if condition.days is None else population.as_of_ms / DAY_MS - condition.days
    wanted = None if where is None else _items_passing(where, population.catalogue, population.as_of_ms)
    counts = np.zeros(len(population), np.int64)
    for first, end in _blocks(histories.offsets):
        events = slice(int(histories.offsets[first]), int(histories.offsets[end]))
        kind, at = histories.kind[events], histories.at[events]
        owner = np.repeat(np.arange(end - first), np.diff(histories.offsets[first : end + 1]))
        is_kept = (kind == int(condition.kind)) & (at >= since)
        if wanted is not None:
            is_kept &= wanted[histories.item[events]]
        if condition.kind is Kind.PURCHASE and (kind == RETURN).any():
            is_kept &= ~_sent_back(owner * histories.n_items + histories.item[events], kind, at)
        counts[first:end] = _days_of_each(owner[is_kept], at[is_kept], end - first)
    return counts


def _blocks(offsets: Longs) -> Iterator[tuple[int, int]]:
    """First and end of ranges of customers with some EVENTS_AT_ONCE events each."""
    first, n = 0, len(offsets) - 1
    while first < n:
        end = int(offsets.searchsorted(offsets[first] + EVENTS_AT_ONCE, "right")) - 1
        end = min(max(end, first + 1), n)
        yield first, end
        first = end


def _days_of_each(owner: Longs, at: Doubles, n: int) -> Longs:
    """The number of different days of each owner.  owner, at (K,) -> (n,)"""
    day = np.floor(at).astype(np.int64)
    start = int(day.min()) if len(day) else 0
    day -= start
    span = int(day.max(initial=0)) + 1
    if n * span > MOST_CELLS:
        cells = np.unique(owner * span + day)
        return np.bincount(cells // span, minlength=n)
    seen = np.zeros(n * span, bool)
    seen[owner * span + day] = True
    counts: Longs = seen.reshape(n, span).sum(axis=1)
    return counts


def _items_passing(where: Where, catalogue: Catalogue, as_of_ms: int) -> Bools:
    try:
        check_words(where.expression, catalogue)
        return np.asarray(passing(where, catalogue, as_of_ms / DAY_MS).mask, bool)
    except UnknownAttribute as error:
        raise BadInput(str(error)) from None


def _sent_back(cell: Longs, kind: Kinds, at: Doubles) -> Bools:
    """Purchases of items that the customer sent back as often as they bought them, and has not bought since.

    cell (K,): a number for each customer and item.  (K,)
    """
    returns, is_bought = np.flatnonzero(kind == RETURN), kind == PURCHASE
    cells, place = np.unique(cell[returns], return_inverse=True)
    where = np.minimum(cells.searchsorted(cell), len(cells) - 1)
    is_bought &= cells[where] == cell
    n_back, n_bought = (np.bincount(own, minlength=len(cells)) for own in (place, where[is_bought]))
    last_back, last_bought = np.full(len(cells), -np.inf), np.full(len(cells), -np.inf)
    np.maximum.at(last_back, place, at[returns])
    np.maximum.at(last_bought, where[is_bought], at[is_bought])
    is_back = (n_back >= n_bought) & (last_back >= last_bought)
    sent_back: Bools = is_bought & is_back[where]
    return sent_back


def chances(population: SegmentPopulation, condition: ChanceCondition) -> Doubles:
    """The chance of each customer to buy the item, one item of the category, or anything, within the days.  (N,)

    Of items and categories: what was bought on two days or more and lately, see `need_pairs`; 0 for everybody else.
    Of a category the purchases count as independent: 1 - prod(1 - p).  Of anything: NaN where it cannot be said.
    """
    if condition.item_id is None and condition.category is None:
        return _propensity(population, condition.days)
    is_wanted = _wanted_items(population.catalogue, condition)
    engine, histories = population.engine, population.histories
    buy_again = engine.models.get(BuyAgainModel.name)
    if engine.needs is None or not isinstance(buy_again, BuyAgainModel):
        raise BadInput(f"chance: the release holds no such prediction ({NOT_LEARNT})")
    pairs = need_pairs(buy_again, histories.where(is_wanted[histories.item]))
    none = np.zeros(len(population))
    if not len(pairs.item):
        return none
    chance = np.clip(engine.needs.chance(pairs, condition.days), 0.0, 1 - 1e-12)
    return 1 - np.exp(np.bincount(pairs.customer, np.log1p(-chance), len(population)))


def _propensity(population: SegmentPopulation, days: float) -> Doubles:
    scores = population.scores
    if not len(scores):
        raise BadInput(f"chance: the release holds no such prediction ({NOT_LEARNT})")
    known = np.maximum.accumulate([scores.propensity_7, scores.propensity_14, scores.propensity_28], axis=0)
    place = float(np.interp(days, PROPENSITY_DAYS, np.arange(len(PROPENSITY_DAYS))))
    low, high = int(np.floor(place)), int(np.ceil(place))
    between: Doubles = known[low] + (place - low) * (known[high] - known[low])
    return between


def _wanted_items(catalogue: Catalogue, condition: ChanceCondition) -> Bools:
    if condition.category is not None:
        check_labels("category", [condition.category], catalogue)
        return catalogue.category.isin([condition.category])
    item = catalogue.position(condition.item_id or "")
    if item == MISSING:
        raise BadInput(f"no item {condition.item_id!r:.60} in the catalogue or the events")
    mask = np.zeros(catalogue.n_items, bool)
    mask[item] = True
    return mask
