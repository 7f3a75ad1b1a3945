"""A question in numbers: one customer's history, what they look at, and what may be shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np

from recsys.arrays import Bools, Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories
from recsys.data.events import DISMISS, PURCHASE, RATING, Event
from recsys.data.ids import MISSING
from recsys.engine.candidate_cache import CandidateKey, RepeatPurchases
from recsys.engine.engine import Engine
from recsys.fast_dataclass import fast_frozen
from recsys.models.candidates import NOBODY, Candidates
from recsys.ranking.context.item_cold_start import Liked, late_events, new_item_scores, newcomers_of
from recsys.ranking.context.new_arrivals import NONE_LATELY, NewArrivals, new_arrivals_of
from recsys.ranking.context.recently_viewed import recently_viewed_of
from recsys.ranking.filters.cross_sell import narrows, offered
from recsys.ranking.filters.eligibility import NOWHERE, eligible_items, positions_of
from recsys.ranking.filters.spec import NO_FILTERS
from recsys.ranking.placements import Placement
from recsys.ranking.query import Fallback, Query
from recsys.time_units import DAY_MS

LAST_ITEMS = 5  # without a context, the last things a customer did stand for it
DISMISSED_FOR_DAYS = 180.0
MOST_RECENT = 500
TASTE_DAYS = 90.0  # half-life of what a customer likes, where new items are chosen by it
_ITEM_ID, _KIND, _AT_MS = (itemgetter(Event._fields.index(name)) for name in ("item_id", "kind", "at_ms"))
KINDS = 128  # as many as a log can hold, those of newer builds included
MOST_DAYS_ON = 28.0  # an old bundle knows nothing of the time since: more would fade all it knows at the first click


@fast_frozen
@dataclass(frozen=True, slots=True)
class QueryContext:
    """history: one customer, the session included.  context, session: positions of what they look at or looked at.

    allowed (I,): what may be shown here; few (N,): positions, rising, that hold all of it, None where it may be much.
    listed (I,): what is not deleted, sold out or not.
    level: the rung of the ladder that personal sources stand on.
    taste: what personal candidates depend on, None when it is not worth remembering.  is_plain: only the catalogue
    narrows what may be shown.  traits: those of a customer without a history, as the engine's segments number them.
    late, late_category: what they look at or did last of the items that no model knows, and the codes of their
    categories.  arrivals: such items of a kind they like.  viewed: what they looked at last; latest: the newest items;
    both only where a source of the placement asks for them.  placement: where the answer will stand.
    again: what training prepared of what they buy again, None where it did not or something happened since.
    """

    history: Histories
    context: Ints
    session: Ints
    allowed: Bools
    listed: Bools
    level: Fallback
    taste: CandidateKey | None
    is_plain: bool
    traits: Ints
    late: Ints
    late_category: Ints
    placement: Placement
    few: Ints | None = None
    again: RepeatPurchases | None = None
    arrivals: Candidates = NOBODY
    viewed: Candidates = NOBODY
    latest: NewArrivals = NONE_LATELY

    def unseen(self) -> Bools:
        """Of what may be shown, what the customer has neither bought nor rated.  Fresh (I,): most answers need none."""
        unseen = self.allowed.copy()
        unseen[owned_items(self.history)] = False
        return unseen

    def nameable(self, items: Ints) -> Bools:
        """Which of these may be named to the customer: still listed, and not waved away.  (N,) -> (N,)"""
        may: Bools = self.listed[items]
        refused = dismissed(self.history)
        return may & ~np.isin(items, refused) if len(refused) else may

    def anchors(self) -> Histories:
        """What the list should go with, as one who just chose it: context, else session, else the last things done."""
        items = next((items for items in (self.context, self.session) if len(items)), _last_items(self.history))
        return _chosen(np.unique(items[items < self.history.n_items]).astype(np.int32), self.history)


def owned_items(history: Histories) -> Ints:
    """The items that one customer bought or rated, some of them several times."""
    items: Ints = history.item[(history.kind == PURCHASE) | (history.kind == RATING)]
    return items


def resolve(ask: Query, placement: Placement, engine: Engine, catalogue: Catalogue) -> QueryContext:
    """The question in numbers.  Unknown ids are left out; nothing is drawn that the catalogue does not allow."""
    user = engine.users.position(ask.user_id) if ask.user_id is not None else MISSING
    of_bundle = engine.history_at(user)
    known = with_recent_events(of_bundle, ask.recent, engine, catalogue)
    history = with_recent_events(known, ask.session, engine, catalogue)
    context = positions_of(catalogue, ask.context)
    session = positions_of(catalogue, [event.item_id for event in ask.session])
    allowed, few = eligible_items(ask.filters, catalogue, ask.now_ms / DAY_MS)
    late = late_events((*ask.recent, *ask.session), catalogue, engine.n_items) if catalogue.new_ids else ()
    never = (context, positions_of(catalogue, ask.exclude), dismissed(history), _late(late, DISMISS))
    if any(map(len, never)):
        allowed = allowed.copy()
        allowed[np.concatenate(never)] = False
    last = _latest(late, context, session, engine)
    taste = _taste(ask, user, catalogue, says_more=known is not of_bundle)
    question = QueryContext(
        history=history,
        context=context,
        session=session,
        allowed=allowed,
        few=few,
        listed=catalogue.is_listed,
        level=_level(known, session, context, placement),
        taste=taste,
        traits=_traits(ask, known, engine) if ask.attributes else NOWHERE,
        is_plain=not ask.context and not ask.exclude and ask.filters is NO_FILTERS,
        late=last,
        late_category=catalogue.category.codes[last],
        placement=placement,
        again=engine.candidate_cache.find_repeat_purchases(taste) if "buy_again" in placement.sources else None,
    )
    if placement.is_special:
        question = _special(question, ask, engine, catalogue)
    if placement.shows != "all":
        question = replace(question, allowed=question.unseen())
        question.allowed[_late(late, PURCHASE, RATING)] = False
    if placement.arrivals and (catalogue.new_ids or catalogue.has_dates or len(engine.new_items.item)):
        return replace(question, arrivals=_arrivals(question, engine, catalogue, ask.now_ms / DAY_MS))
    return question


def _late(events: Sequence[tuple[int, Event]], *kinds: int) -> Ints:
    """The items of those events that are of these kinds."""
    return np.array([item for item, event in events if event.kind in kinds], np.int32) if events else NOWHERE


def _latest(events: Sequence[tuple[int, Event]], context: Ints, session: Ints, engine: Engine) -> Ints:
    """Items that no model knows and that stand for the customer: of the context, else the session, else done last."""
    looked_at = next((items for items in (context, session) if len(items)), None)
    if looked_at is not None:
        return looked_at[looked_at >= engine.n_items]
    liked = [item for item, event in events if _weight(event, engine) > 0]
    return np.array(liked[-LAST_ITEMS:], np.int32) if liked else NOWHERE


def _special(question: QueryContext, ask: Query, engine: Engine, catalogue: Catalogue) -> QueryContext:
    """The question with what only some placements want to know."""
    placement = question.placement
    if narrows(placement):
        looked_at = question.context if len(question.context) else question.session[-1:]
        allowed = question.allowed & offered(placement, looked_at, catalogue)
        question = replace(question, allowed=allowed, is_plain=False)
    if "recently_viewed" in placement.sources:
        events = (*ask.recent, *ask.session)
        viewed = recently_viewed_of(engine.history_of(ask.user_id), events, catalogue, question.allowed)
        question = replace(question, viewed=viewed)
    if {"new_arrivals", "latest"} & set(placement.sources):
        now, liked = ask.now_ms / DAY_MS, _liked(question)
        question = replace(question, latest=new_arrivals_of(engine, catalogue, question.allowed, now, liked))
    return question


def _liked(question: QueryContext) -> Liked:
    """What is looked at, or where nothing is, all that the customer did and likes."""
    is_beside = bool(len(question.context) or len(question.session))
    part = question.anchors() if is_beside else question.history
    items, weight = part.item_weights(TASTE_DAYS)
    is_liked = weight > 0
    items = np.concatenate((question.late, items[is_liked]))
    return items, np.concatenate((np.ones(len(question.late)), weight[is_liked].astype(np.float64)))


def _arrivals(question: QueryContext, engine: Engine, catalogue: Catalogue, now: float) -> Candidates:
    newcomers = newcomers_of(engine, catalogue, question.allowed, now)
    is_beside = bool(len(question.context) or len(question.session))
    liked = _liked(question)
    return new_item_scores(liked, newcomers, catalogue, by_name=is_beside or len(liked[0]) <= LAST_ITEMS)


def with_recent_events(history: Histories, events: Sequence[Event], engine: Engine, catalogue: Catalogue) -> Histories:
    """The history of one customer with later events; those of items the bundle does not know say nothing yet, and
    those of a kind that weighs nothing, such as to have been shown something, never do.

    Time goes on with the events, not with the clock, and only so far: a shop that stands still forgets nothing, and
    scores stay on the scale that training saw.
    """
    if not events:
        return history
    # Column by column: a customer may have done a thousand things since.
    n = len(events)
    item = np.fromiter(map(catalogue.position, map(_ITEM_ID, events)), np.int32, n)
    kind = np.fromiter(map(_KIND, events), np.int8, n)
    at = np.fromiter(map(_AT_MS, events), np.float64, n) / DAY_MS
    by_kind = np.zeros(KINDS)
    by_kind[list(engine.weight_by_kind)] = list(engine.weight_by_kind.values())
    weight = by_kind[kind]
    tells = (weight != 0) | (kind == DISMISS)
    tells &= (item != MISSING) & (item < engine.n_items)
    for one in (kind == RATING).nonzero()[0].tolist():
        weight[one] *= events[one].rating or 0.0
    order = np.lexsort((at, item))
    order = order[tells[order]]
    if not len(order):
        return history
    at = at[order]
    now = max(history.now, min(float(at.max()), engine.histories.now + MOST_DAYS_ON))
    return history.with_events(item[order], at, weight[order].astype(np.float32), kind[order], now)


def _taste(ask: Query, user: int, catalogue: Catalogue, *, says_more: bool) -> CandidateKey | None:
    """None for visitors, who come once, and for many events, of which the oldest fall out.

    says_more: of the events since the bundle some tell what is liked; to have been shown something does not.
    """
    recent = ask.recent
    if ask.user_id is None or ask.session or len(recent) > MOST_RECENT:
        return None
    if not says_more:
        return CandidateKey(ask.user_id, 0, "", catalogue.openings, user)
    return CandidateKey(ask.user_id, len(recent), recent[-1].event_id, catalogue.openings)


def _traits(ask: Query, known: Histories, engine: Engine) -> Ints:
    """What the customer is like; nothing where what they did says more."""
    if engine.segments is None or (known.weight > 0).any():
        return NOWHERE
    return engine.segments.vocabulary.features_of(ask.attributes)


def _weight(event: Event, engine: Engine) -> float:
    weight = engine.weight_by_kind.get(event.kind, 0.0)
    return weight * (event.rating or 0.0) if event.kind == RATING else weight


def dismissed(history: Histories) -> Ints:
    """What the customer waved away lately and did not buy after that."""
    if DISMISS not in history.kind.tobytes():  # a search through bytes: hardly anybody ever waves something away
        return NOWHERE
    waved = history.kind == DISMISS
    waved &= history.at > history.now - DISMISSED_FOR_DAYS
    bought = history.kind == PURCHASE
    last_bought = np.full(history.n_items, -np.inf)
    np.maximum.at(last_bought, history.item[bought], history.at[bought])
    dismissed: Ints = history.item[waved & (history.at > last_bought[history.item])]
    return dismissed


def _chosen(items: Ints, history: Histories) -> Histories:
    """A customer who has just chosen these items and nothing else."""
    n = len(items)
    return Histories(
        offsets=np.array([0, n], np.int64),
        item=items,
        at=np.full(n, history.now),
        weight=np.ones(n, np.float32),
        kind=np.full(n, PURCHASE, np.int8),
        n_items=history.n_items,
        now=history.now,
    )


def _last_items(history: Histories) -> Ints:
    liked = np.flatnonzero(history.weight > 0)
    latest: Ints = history.item[liked[np.argsort(history.at[liked], kind="stable")[::-1][:LAST_ITEMS]]]
    return latest


def _level(known: Histories, session: Ints, context: Ints, placement: Placement) -> Fallback:
    if placement.asks == "context" and len(context):
        return "session"
    return "personal" if len(known.item) else "session" if len(session) or len(context) else "popular"
