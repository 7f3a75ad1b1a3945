"""Query context: one customer's history, the items on the page, and the items that may be recommended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import NamedTuple, cast

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, Kinds
from recsys.data.catalogue.catalogue import NO_ITEMS, Catalogue
from recsys.data.dataset.histories import Histories, sent_back_items
from recsys.data.dataset.occasions import is_counted
from recsys.data.events import DISMISS, PURCHASE, RATING, RETURN, Event
from recsys.data.ids import MISSING
from recsys.engine.candidate_cache import CandidateKey, RepeatPurchases
from recsys.engine.engine import Engine
from recsys.fast_dataclass import fast_frozen
from recsys.models.candidates import NO_CANDIDATES, Candidates
from recsys.ranking.context.item_cold_start import (
    Liked,
    cold_item_events,
    cold_start_candidates,
    find_cold_items,
    sent_back_cold_items,
)
from recsys.ranking.context.new_arrivals import NO_NEW_ARRIVALS, NewArrivals, find_new_arrivals
from recsys.ranking.context.recently_viewed import recently_viewed_items
from recsys.ranking.filters.cross_sell import offered
from recsys.ranking.filters.eligibility import Eligibility, eligible_items
from recsys.ranking.placements import Placement
from recsys.ranking.query import Fallback, Query
from recsys.time_units import DAY_MS

LAST_ITEMS = 5  # used as anchors when there are no items on the page
DISMISSED_FOR_DAYS = 180.0
MOST_RECENT = 500
TASTE_HALF_LIFE_DAYS = 90.0  # of a customer's likes, by which new items are chosen
_ITEM_ID, _KIND, _AT_MS = (itemgetter(Event._fields.index(name)) for name in ("item_id", "kind", "at_ms"))
FEW = 8  # events that are read one by one
_BY_ITEM_AND_TIME = itemgetter(0, 1)
EventColumns = tuple[Ints, Doubles, Floats, Kinds]
MOST_DAYS_ON = 28.0  # largest step in time past the bundle: more would decay all it knows at the first click


@fast_frozen
@dataclass(frozen=True, slots=True)
class QueryContext:
    """One query in numbers: computed once, read by every candidate source.

    placement: where the list will be shown.
    history: of one customer, the session included.
    context_items, session_items (N,): positions of the items on the page or in the basket, and of those in the session.
    eligible: the items that may be recommended.
    level: the fallback level of the personal sources.
    candidate_key: key of the personal candidates in the cache, None if caching them is not worth it.
    is_unrestricted: True when only the catalogue decides what is eligible.
    user_features: of a customer without a history, as the engine's segments number them.
    cold_items: items that no model knows, among those on the page or used last.
    dismissed: items that the customer dismissed lately.
    cold_start: candidates that no model knows, of a kind that the customer likes.
    recently_viewed, new_arrivals: filled only when a source of the placement needs them.
    repeat_purchases: buy-again candidates that training prepared, None when it prepared none or something happened
    since.
    """

    query: Query
    placement: Placement
    engine: Engine
    catalogue: Catalogue
    history: Histories
    context_items: Ints
    session_items: Ints
    eligible: Eligibility
    level: Fallback
    candidate_key: CandidateKey | None
    is_unrestricted: bool
    user_features: Ints
    cold_items: Ints
    dismissed: Ints
    repeat_purchases: RepeatPurchases | None = None
    cold_start: Candidates = NO_CANDIDATES
    recently_viewed: Candidates = NO_CANDIDATES
    new_arrivals: NewArrivals = NO_NEW_ARRIVALS

    @property
    def cold_categories(self) -> Ints:
        """The codes of the categories of `cold_items`.  (N,)"""
        return self.catalogue.category.codes[self.cold_items]

    def mentionable(self, items: Ints) -> Bools:
        """Which of these items may be mentioned to the customer: listed, and not dismissed.  (N,) -> (N,)"""
        mask: Bools = self.catalogue.is_listed[items]
        return mask & ~np.isin(items, self.dismissed) if len(self.dismissed) else mask

    def anchor_items(self) -> Ints:
        """Items that the list should go with: on the page, else in the session, else used last.  Rising, each once."""
        items = self.context_items
        if not len(items) and len(self.session_items):
            items = _without(self.session_items, sent_back_items(self.history))
        if not len(items):
            items = _last_items(self.history)
        items = items[items < self.history.n_items]
        return np.unique(items).astype(np.int32) if len(items) > 1 else items

    def anchors(self) -> Histories:
        """The anchor items as if just bought."""
        items = self.anchor_items()
        n, now = len(items), self.history.now
        at, weight, kind = np.full(n, now), np.ones(n, np.float32), np.full(n, PURCHASE, np.int8)
        return Histories(np.array([0, n], np.int64), items, at, weight, kind, self.history.n_items, now)


def _without(items: Ints, left_out: Ints) -> Ints:
    return items[~np.isin(items, left_out)] if len(items) and len(left_out) else items


def owned_items(history: Histories) -> Ints:
    """The items that one customer bought or rated, some of them several times."""
    items: Ints = history.item[(history.kind == PURCHASE) | (history.kind == RATING)]
    return items


def resolve(query: Query, placement: Placement, engine: Engine, catalogue: Catalogue) -> QueryContext:
    """The query in numbers.  Unknown ids are left out.  Only items that the catalogue offers are eligible."""
    user = engine.users.position(query.user_id) if query.user_id is not None else MISSING
    if len(engine.unnumbered_events.user_offsets):
        query = replace(query, recent=(*engine.unnumbered_events.of_user(user), *query.recent))
    known = before = engine.history_at(user)
    if query.recent:
        known = with_recent_events(before, query.recent, engine, catalogue)
    history = with_recent_events(known, query.session, engine, catalogue) if query.session else known
    has_visit = query.session or query.context_item_ids or query.exclude or catalogue.new_ids
    visit = _visit(query, engine, catalogue) if has_visit else NO_VISIT
    # A search through bytes: hardly anybody ever dismisses an item.
    dismissed = _dismissed_items(history) if DISMISS in history.kind.tobytes() else NO_ITEMS
    now, is_filtered = query.now_ms / DAY_MS, query.filters.combined is not None
    eligible = eligible_items(query.filters, catalogue, now) if is_filtered else Eligibility(catalogue.on_sale(now))
    if len(visit.excluded) or len(dismissed):
        eligible = eligible.without(np.concatenate((visit.excluded, dismissed)))
    has_items = len(visit.session_items) or len(visit.context_items)
    is_of_page = placement.asks == "context" and len(visit.context_items)
    level: Fallback = "personal" if len(known.item) and not is_of_page else "session" if has_items else "popular"
    key = _candidate_key(query, user, catalogue, is_changed=known is not before)
    cache = engine.candidate_cache
    context = QueryContext(
        query=query,
        placement=placement,
        engine=engine,
        catalogue=catalogue,
        history=history,
        context_items=visit.context_items,
        session_items=visit.session_items,
        eligible=eligible,
        level=level,
        candidate_key=key,
        user_features=_user_features(query, known, engine) if query.attributes else NO_ITEMS,
        is_unrestricted=not query.context_item_ids and not query.exclude and not is_filtered,
        cold_items=visit.cold_items,
        dismissed=dismissed,
        repeat_purchases=cache.find_repeat_purchases(key) if "buy_again" in placement.sources else None,
    )
    if placement.needs_extras:
        context = _with_extras(context)
    if placement.shows != "all":
        owned = np.concatenate((owned_items(history), _items_of_kinds(visit.cold_events, PURCHASE, RATING)))
        context = replace(context, eligible=context.eligible.without(owned))
    if placement.arrivals and (catalogue.new_ids or catalogue.has_dates or len(engine.new_items.item)):
        return replace(context, cold_start=_cold_start(context))
    return context


class VisitItems(NamedTuple):
    """What a query holds beside its customer.

    context_items, session_items, cold_items: see `QueryContext`.  excluded (N,): items that the list must not hold.
    cold_events: position and event of each item that no model knows, of all events since the bundle.
    """

    context_items: Ints = NO_ITEMS
    session_items: Ints = NO_ITEMS
    cold_items: Ints = NO_ITEMS
    excluded: Ints = NO_ITEMS
    cold_events: Sequence[tuple[int, Event]] = ()


NO_VISIT = VisitItems()


def _visit(query: Query, engine: Engine, catalogue: Catalogue) -> VisitItems:
    context_items = catalogue.positions(query.context_item_ids)
    session_items = catalogue.positions([event.item_id for event in query.session])
    events = cold_item_events((*query.recent, *query.session), catalogue, engine.n_items)
    cold_items = _recent_cold_items(events, context_items, session_items, engine)
    excluded = context_items, catalogue.positions(query.exclude), _items_of_kinds(events, DISMISS)
    return VisitItems(context_items, session_items, cold_items, np.concatenate(excluded), events)


def _items_of_kinds(events: Sequence[tuple[int, Event]], *kinds: int) -> Ints:
    """The items of the events that are of these kinds."""
    return np.array([item for item, event in events if event.kind in kinds], np.int32) if events else NO_ITEMS


def _recent_cold_items(
    events: Sequence[tuple[int, Event]], context_items: Ints, session_items: Ints, engine: Engine
) -> Ints:
    """Items that no model knows and that stand for the customer: on the page, else in the session, else used last."""
    if len(context_items):
        return context_items[context_items >= engine.n_items]
    back = sent_back_cold_items(events)
    if len(session_items):
        return _without(session_items[session_items >= engine.n_items], np.array([*back], np.int32))
    liked = [item for item, event in events if _event_weight(event, engine) > 0 and item not in back]
    return np.array(liked[-LAST_ITEMS:], np.int32) if liked else NO_ITEMS


def _with_extras(context: QueryContext) -> QueryContext:
    """The context with the fields that only some placements need."""
    query, placement, engine, catalogue = context.query, context.placement, context.engine, context.catalogue
    if placement.narrows:
        items = context.context_items if len(context.context_items) else context.session_items[-1:]
        mask = context.eligible.mask & offered(placement, items, catalogue)
        context = replace(context, eligible=context.eligible._replace(mask=mask), is_unrestricted=False)
    if "recently_viewed" in placement.sources:
        history, events = engine.history_of(query.user_id), (*query.recent, *query.session)
        candidates = recently_viewed_items(history, events, catalogue, context.eligible)
        context = replace(context, recently_viewed=candidates)
    if {"new_arrivals", "latest"} & set(placement.sources):
        now, liked = query.now_ms / DAY_MS, _liked_items(context)
        context = replace(context, new_arrivals=find_new_arrivals(engine, catalogue, context.eligible, now, liked))
    return context


def _liked_items(context: QueryContext) -> Liked:
    """The items on the page or in the session; without any, all that the customer used and likes."""
    has_anchors = bool(len(context.context_items) or len(context.session_items))
    history = context.anchors() if has_anchors else context.history
    items, weight = history.item_weights(TASTE_HALF_LIFE_DAYS)
    is_liked = weight > 0
    items = np.concatenate((context.cold_items, items[is_liked]))
    return items, np.concatenate((np.ones(len(context.cold_items)), weight[is_liked].astype(np.float64)))


def _cold_start(context: QueryContext) -> Candidates:
    items = find_cold_items(context.engine, context.catalogue, context.eligible, context.query.now_ms / DAY_MS)
    has_anchors = bool(len(context.context_items) or len(context.session_items))
    liked = _liked_items(context)
    return cold_start_candidates(liked, items, context.catalogue, by_name=has_anchors or len(liked[0]) <= LAST_ITEMS)


def with_recent_events(history: Histories, events: Sequence[Event], engine: Engine, catalogue: Catalogue) -> Histories:
    """The history of one customer with later events; several lines of one order about one item are one of them.

    Events of items that the bundle does not know, and of kinds that weigh nothing, such as impressions, are left out.
    Time advances with the events, not with the clock, and only up to a limit: without new events nothing decays, and
    scores stay on the scale of training.
    """
    if not events:
        return history
    columns = (_rows_of_few if len(events) <= FEW else _columns_of_many)(history, events, engine, catalogue)
    if columns is None:
        return history
    latest = max(columns[1].tolist()) if len(events) <= FEW else float(columns[1].max())
    now = max(history.now, min(latest, engine.histories.now + MOST_DAYS_ON))
    return history.with_events(*columns, now).without_sent_back()


def _rows_of_few(
    history: Histories, events: Sequence[Event], engine: Engine, catalogue: Catalogue
) -> EventColumns | None:
    """As `_columns_of_many`, event by event, which is faster for a few."""
    items, kinds = list(map(catalogue.position, map(_ITEM_ID, events))), list(map(_KIND, events))
    counted = [True] * len(events)
    if PURCHASE in kinds or RETURN in kinds:
        counted = is_counted(history, events, items, kinds)
    rows = []
    for event, item, kind, counts in zip(events, items, kinds, counted, strict=True):
        weight = engine.weight_by_kind.get(kind, 0.0)
        if counts and item != MISSING and item < engine.n_items and (weight or kind == DISMISS):
            rows.append(
                (item, event.at_ms / DAY_MS, weight * (event.rating or 0.0) if kind == RATING else weight, kind)
            )
    if not rows:
        return None
    columns = zip(*sorted(rows, key=_BY_ITEM_AND_TIME), strict=True)
    in_types = map(np.array, columns, (np.int32, np.float64, np.float32, np.int8))
    return cast(EventColumns, tuple(in_types))


def _columns_of_many(
    history: Histories, events: Sequence[Event], engine: Engine, catalogue: Catalogue
) -> EventColumns | None:
    """Item, time, weight and kind of the events that count, in order of item, then time; None without any.

    Column by column: a customer may have done a thousand things since.
    """
    n = len(events)
    item = np.fromiter(map(catalogue.position, map(_ITEM_ID, events)), np.int32, n)
    kind = np.fromiter(map(_KIND, events), np.int8, n)
    at = np.fromiter(map(_AT_MS, events), np.float64, n)
    at /= DAY_MS
    weight = engine.kind_weights[kind]
    counts = (weight != 0) | (kind == DISMISS)
    counts &= (item != MISSING) & (item < engine.n_items)
    counts &= is_counted(history, events, item.tolist(), kind.tolist())
    if RATING in kind.tobytes():
        for row in (kind == RATING).nonzero()[0].tolist():
            weight[row] *= events[row].rating or 0.0
    order = counts.nonzero()[0]
    if not len(order):
        return None
    order = order[np.lexsort((at[order], item[order]))]
    return item[order], at[order], weight[order].astype(np.float32), kind[order]


def _candidate_key(query: Query, user: int, catalogue: Catalogue, *, is_changed: bool) -> CandidateKey | None:
    """None for visitors, who come once, and for many events, of which the oldest fall out.

    is_changed: the events since the bundle changed the history; an impression, for one, does not.
    """
    if query.user_id is None or query.session or len(query.recent) > MOST_RECENT:
        return None
    if not is_changed:
        return CandidateKey(query.user_id, 0, "", catalogue.openings, user)
    return CandidateKey(query.user_id, len(query.recent), query.recent[-1].event_id, catalogue.openings)


def _user_features(query: Query, known: Histories, engine: Engine) -> Ints:
    """The customer's features; none where the history says more."""
    if engine.segments is None or (known.weight > 0).any():
        return NO_ITEMS
    return engine.segments.vocabulary.features_of(query.attributes)


def _event_weight(event: Event, engine: Engine) -> float:
    weight = engine.weight_by_kind.get(event.kind, 0.0)
    return weight * (event.rating or 0.0) if event.kind == RATING else weight


def _dismissed_items(history: Histories) -> Ints:
    """The items that the customer dismissed lately and did not buy after that."""
    mask = (history.kind == DISMISS) & (history.at > history.now - DISMISSED_FOR_DAYS)
    is_bought = history.kind == PURCHASE
    last_bought = np.full(history.n_items, -np.inf)
    np.maximum.at(last_bought, history.item[is_bought], history.at[is_bought])
    items: Ints = history.item[mask & (history.at > last_bought[history.item])]
    return items


def _last_items(history: Histories) -> Ints:
    liked = np.flatnonzero(history.weight > 0)
    items: Ints = history.item[liked[np.argsort(history.at[liked], kind="stable")[::-1][:LAST_ITEMS]]]
    return items
