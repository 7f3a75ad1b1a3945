"""Why an item stands in the list, in a sentence a shopper can read and a code a storefront can translate."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from recsys.arrays import Floats, Ints, Longs
from recsys.data.events import PURCHASE
from recsys.data.histories import Histories
from recsys.data.shelf import Catalogue
from recsys.models.base import ItemModel
from recsys.ranking.engine import Engine
from recsys.ranking.pipeline import Pick
from recsys.ranking.query import Reason
from recsys.ranking.question import Question
from recsys.ranking.remembered import Again
from recsys.ranking.rhythm import about, own_gap

LOOKED_AT = 200  # neighbours of an item that are searched for something the customer knows

BESIDE = frozenset({"similar", "similar_vectors", "bought_together"})  # sources that answer for the anchors

BEST_SELLER = Reason("best_seller", "A best-seller in this shop")
LIKE_YOU = Reason("popular_with_alike", "Popular with customers like you")
TRENDING = Reason("trending", "Selling faster than usual")
LATEST = Reason("latest", "Lately added to this shop")
VIEWED = Reason("recently_viewed", "You looked at this lately")
IN_CATALOGUE = Reason("in_catalogue", "From the range of this shop")
LIKE_MINDED = Reason("like_minded", "Chosen by customers with a similar taste")


def reasons_of(picks: Sequence[Pick], question: Question, engine: Engine, catalogue: Catalogue) -> list[Reason]:
    """The reason for each pick."""
    again = [pick.item for pick in picks if pick.source == "buy_again"]
    said = _said_of(again, question, engine, catalogue) if again else []
    if len(said) == len(picks):
        return said
    bought = iter(said)
    anchors = question.anchors() if any(pick.source in BESIDE for pick in picks) else question.history
    return [
        next(bought) if pick.source == "buy_again" else _reason_of(pick, question, anchors, engine, catalogue)
        for pick in picks
    ]


def _reason_of(pick: Pick, question: Question, anchors: Histories, engine: Engine, catalogue: Catalogue) -> Reason:
    source = pick.source
    if source in ("popular", "popularity"):
        return BEST_SELLER
    if source == "segment_popular":
        return LIKE_YOU
    if source == "new_arrivals":
        return _new_in(pick.item, catalogue)
    if source == "trending":
        return TRENDING
    if source == "trending_in_category":
        return _trending_in(pick.item, catalogue)
    if source == "recently_viewed":
        return VIEWED
    if source == "latest":
        return LATEST
    if source == "catalogue":
        return IN_CATALOGUE
    if source == "category_popular":
        return _popular_in(pick.item, catalogue)
    if source in BESIDE:
        return _goes_with(pick, anchors, engine, catalogue)
    return _because(pick.item, question.history, engine, catalogue)


def bought_before(items: Ints, history: Histories) -> tuple[Longs, Longs]:
    """How often the customer bought each of these items, and on which day last, days since 1970.  (N,), (N,)"""
    purchase = (history.kind == PURCHASE).nonzero()[0]
    bought = history.item[purchase]
    ends = bought.searchsorted(items, "right")
    times: Longs = ends - bought.searchsorted(items)
    return times, np.floor(history.at[purchase[ends - 1]]).astype(np.int64)


def _said_of(items: list[int], question: Question, engine: Engine, catalogue: Catalogue) -> list[Reason]:
    """How often and when each was bought last: all at once, for most answers are nothing else."""
    texts = _at_rest(items, question.again) if question.again is not None else None
    if texts is None:
        times, days = bought_before(np.array(items, np.int32), question.history)
        texts = [_bought_on(often, day) for often, day in zip(times.tolist(), days.tolist(), strict=True)]
    if question.placement.tells_rhythm:
        own = _days_of(items, question.history)
        texts = [
            _at_pace(own[item], engine.rhythm.gap_of(item)) or text for item, text in zip(items, texts, strict=True)
        ]
    label = catalogue.label
    return [Reason("buy_again", text, (label(item).item_id,)) for item, text in zip(items, texts, strict=True)]


def _at_rest(items: list[int], ready: Again) -> list[str] | None:
    """The same as training prepared it; None where an item stands too far down."""
    place, times, days = ready.found.items.tolist().index, ready.times.tolist(), ready.days.tolist()
    try:
        return [_bought_on(times[at], days[at]) for at in map(place, items)]
    except ValueError:
        return None


def _days_of(items: list[int], history: Histories) -> dict[int, list[int]]:
    """On which days each of these was bought, rising."""
    purchase = (history.kind == PURCHASE).nonzero()[0]
    bought, days = history.item[purchase], np.floor(history.at[purchase]).astype(np.int64)
    starts, ends = bought.searchsorted(items), bought.searchsorted(items, "right")
    places = zip(items, starts.tolist(), ends.tolist(), strict=True)
    return {item: days[start:end].tolist() for item, start, end in places}


def _at_pace(days: Sequence[int], usual_gap: float | None) -> str | None:
    """How often: the customer's own rhythm, else that of all who buy the item; None where neither is known."""
    gap = own_gap(days)
    pace = about(gap) if gap is not None else None
    if pace is not None:
        return f"You buy this {pace}, last on {_date(days[-1])}"
    pace = about(usual_gap) if usual_gap is not None else None
    return pace and f"Bought again {pace} by customers, by you last on {_date(days[-1])}"


def _bought_on(times: int, day: int) -> str:
    """A date rather than "3 days ago": answers are kept for a while."""
    often = "once" if times == 1 else f"{times} times, last"
    return f"You bought this {often} on {_date(day)}"


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    moment = datetime.fromtimestamp(day * 86_400, UTC)
    return f"{moment.day} {moment:%b %Y}"


def _popular_in(item: int, catalogue: Catalogue) -> Reason:
    category = catalogue.category.words[catalogue.category.codes[item]]
    return Reason("popular_in_category", f"Popular in {category}" if category else BEST_SELLER.text)


def _trending_in(item: int, catalogue: Catalogue) -> Reason:
    category = catalogue.category.words[catalogue.category.codes[item]]
    return Reason("trending", f"{TRENDING.text} in {category}" if category else TRENDING.text)


def _new_in(item: int, catalogue: Catalogue) -> Reason:
    category = catalogue.category.words[catalogue.category.codes[item]]
    return Reason("new_arrival", f"New in {category}" if category else "New in this shop")


def _goes_with(pick: Pick, anchors: Histories, engine: Engine, catalogue: Catalogue) -> Reason:
    together = pick.source == "bought_together"
    model = engine.together if together else engine.neighbours
    anchor = _nearest(pick.item, anchors.item, anchors.weight, model)
    if anchor is None and len(anchors.item):
        anchor = int(anchors.item[0])
    if anchor is None:
        return LIKE_MINDED
    code, words = ("bought_together", "Often bought together with") if together else ("similar", "Goes with")
    return _with_anchor(code, words, anchor, catalogue)


def _because(item: int, history: Histories, engine: Engine, catalogue: Catalogue) -> Reason:
    anchor = _nearest(item, history.item, history.weight, engine.neighbours)
    return LIKE_MINDED if anchor is None else _with_anchor("because_you_chose", "Because you chose", anchor, catalogue)


def _with_anchor(code: str, words: str, anchor: int, catalogue: Catalogue) -> Reason:
    label = catalogue.label(anchor)
    return Reason(code, f"{words} {label.name or label.item_id}", (label.item_id,))


def _nearest(item: int, known: Ints, weight: Floats, model: ItemModel | None) -> int | None:
    """Which of the known items explains this one best by similarity; None when none is near."""
    if model is None or not len(known):
        return None
    items, _ = model.similar(item, LOOKED_AT)  # best first
    place = known.searchsorted(items)
    place[place == len(known)] = 0
    near = ((known[place] == items) & (weight[place] > 0)).nonzero()[0]
    return int(items[near[0]]) if len(near) else None
