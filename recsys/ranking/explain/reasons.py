"""Why an item stands in the list, in a sentence a shopper can read and a code a storefront can translate."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from typing import Final

import numpy as np

from recsys.arrays import Ints
from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.dataset.histories import Histories, past_purchases
from recsys.data.events import PURCHASE
from recsys.engine.candidate_cache import RepeatPurchases
from recsys.engine.engine import Engine
from recsys.engine.repurchase import in_words, own_gap
from recsys.models.base import ItemModel
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.context.context import QueryContext
from recsys.ranking.query import Reason

LOOKED_AT = 200  # neighbours of an item that are searched for something the customer knows

BESIDE = frozenset({"similar", "similar_vectors", "bought_together"})  # sources that answer for the anchors

BEST_SELLER = Reason("best_seller", "A best-seller in this shop")
LIKE_YOU = Reason("popular_with_alike", "Popular with customers like you")
TRENDING = Reason("trending", "Selling faster than usual")
LATEST = Reason("latest", "Lately added to this shop")
VIEWED = Reason("recently_viewed", "You looked at this lately")
IN_CATALOGUE = Reason("in_catalogue", "From the range of this shop")
LIKE_MINDED = Reason("like_minded", "Chosen by customers with a similar taste")


SAME: Final[Mapping[str, Reason]] = {
    "popular": BEST_SELLER,
    "popularity": BEST_SELLER,
    "segment_popular": LIKE_YOU,
    "trending": TRENDING,
    "recently_viewed": VIEWED,
    "latest": LATEST,
    "catalogue": IN_CATALOGUE,
}


def reasons_of(
    picks: Sequence[ScoredItem], question: QueryContext, engine: Engine, catalogue: Catalogue
) -> list[Reason]:
    """The reason for each pick."""
    items_by_source: dict[str, list[int]] = {}
    for pick in picks:
        items_by_source.setdefault(pick.source, []).append(pick.item)
    if len(items_by_source) == 1:
        ((source, items),) = items_by_source.items()
        return _reasons_from(source, items, question, engine, catalogue)
    found: dict[int, Reason] = {}
    for source, items in items_by_source.items():
        found.update(zip(items, _reasons_from(source, items, question, engine, catalogue), strict=True))
    return [found[pick.item] for pick in picks]


def _reasons_from(
    source: str, items: list[int], question: QueryContext, engine: Engine, catalogue: Catalogue
) -> list[Reason]:
    if source == "buy_again":
        return _said_of(items, question, engine, catalogue)
    if source in SAME:
        return [SAME[source]] * len(items)
    if source in BY_CATEGORY:
        return [BY_CATEGORY[source](catalogue.category.words[catalogue.category.codes[item]]) for item in items]
    if source in BESIDE:
        return _going_with(source, items, question, engine, catalogue)
    return [
        LIKE_MINDED if at is None else _with_anchor("because_you_chose", "Because you chose", at, catalogue)
        for at in nearest(items, _nameable(question.history, question), engine.n_items, engine.item_neighbours)
    ]


def _said_of(items: list[int], question: QueryContext, engine: Engine, catalogue: Catalogue) -> list[Reason]:
    """How often and when each was bought last: all at once, for most answers are nothing else."""
    texts = _at_rest(items, question.again) if question.again is not None else None
    if texts is None:
        times, days = past_purchases(np.array(items, np.int32), question.history)
        texts = [_bought_on(often, day) for often, day in zip(times.tolist(), days.tolist(), strict=True)]
    if question.placement.tells_rhythm:
        own = _days_of(items, question.history)
        texts = [
            _at_pace(own[item], engine.repurchase.gap_of(item)) or text for item, text in zip(items, texts, strict=True)
        ]
    label = catalogue.label
    return [Reason("buy_again", text, (label(item).item_id,)) for item, text in zip(items, texts, strict=True)]


def _at_rest(items: list[int], ready: RepeatPurchases) -> list[str] | None:
    """The same as training prepared it; None where an item stands too far down."""
    place, times, days = ready.candidates.items.tolist().index, ready.times.tolist(), ready.days.tolist()
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
    pace = in_words(gap) if gap is not None else None
    if pace is not None:
        return f"You buy this {pace}, last on {_date(days[-1])}"
    pace = in_words(usual_gap) if usual_gap is not None else None
    return pace and f"Bought again {pace} by customers, by you last on {_date(days[-1])}"


def _bought_on(times: int, day: int) -> str:
    """A date rather than "3 days ago": answers are kept for a while."""
    often = "once" if times == 1 else f"{times} times, last"
    return f"You bought this {often} on {_date(day)}"


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    moment = datetime.fromtimestamp(day * 86_400, UTC)
    return f"{moment.day} {moment:%b %Y}"


def _popular_in(category: str) -> Reason:
    return Reason("popular_in_category", f"Popular in {category}" if category else BEST_SELLER.text)


def _trending_in(category: str) -> Reason:
    return Reason("trending", f"{TRENDING.text} in {category}" if category else TRENDING.text)


def _new_in(category: str) -> Reason:
    return Reason("new_arrival", f"New in {category}" if category else "New in this shop")


BY_CATEGORY: Final[Mapping[str, Callable[[str], Reason]]] = {
    "category_popular": _popular_in,
    "trending_in_category": _trending_in,
    "new_arrivals": _new_in,
}


def _going_with(
    source: str, items: list[int], question: QueryContext, engine: Engine, catalogue: Catalogue
) -> list[Reason]:
    anchors = _nameable(question.anchors(), question)
    if not len(anchors):
        return [LIKE_MINDED] * len(items)
    together = source == "bought_together"
    code, words = ("bought_together", "Often bought together with") if together else ("similar", "Goes with")
    found = nearest(items, anchors, engine.n_items, engine.bought_together if together else engine.item_neighbours)
    return [_with_anchor(code, words, int(anchors[0]) if at is None else at, catalogue) for at in found]


def _nameable(history: Histories, question: QueryContext) -> Ints:
    """What of it is liked and may be named.  (N,)"""
    liked = history.item[history.weight > 0]
    return liked[question.nameable(liked)]


def _with_anchor(code: str, words: str, anchor: int, catalogue: Catalogue) -> Reason:
    label = catalogue.label(anchor)
    return Reason(code, f"{words} {label.name or label.item_id}", (label.item_id,))


def nearest(items: list[int], liked: Ints, n_items: int, model: ItemModel | None) -> list[int | None]:
    """Which of the liked items explains each of these best by similarity; None where none is near."""
    if model is None or not len(liked):
        return [None] * len(items)
    is_liked = np.zeros(n_items, bool)
    is_liked[liked] = True
    near = [model.similar(item, LOOKED_AT)[0] for item in items]  # best first
    all_near = np.concatenate(near)
    found = is_liked[all_near].nonzero()[0]
    ends = list(accumulate(map(len, near)))
    firsts = found.searchsorted([0, *ends[:-1]]).tolist()
    places = [*found.tolist(), len(all_near)]
    return [int(all_near[places[at]]) if places[at] < end else None for at, end in zip(firsts, ends, strict=True)]
