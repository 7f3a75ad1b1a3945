"""Shopper-facing reasons: a sentence that a shopper can read and a code that a storefront can translate."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import accumulate
from typing import Final

import numpy as np

from recsys import kernels
from recsys.arrays import Ints
from recsys.data.catalogue.catalogue import Label
from recsys.data.dataset.histories import Histories, past_purchases
from recsys.data.events import PURCHASE
from recsys.engine.repurchase import in_words, own_gap
from recsys.fast_dataclass import fast_tuple
from recsys.models.neighbour_table import NeighbourTable
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.context.context import QueryContext
from recsys.ranking.query import Reason

N_NEIGHBOURS = 200  # of an item, that are searched for an item the customer knows

_reason = fast_tuple(Reason)

BESIDE = ("similar", "similar_vectors", "bought_together")  # sources that go with the anchors
Reasons = Callable[[list[int], QueryContext], list[Reason]]

BEST_SELLER = Reason("best_seller", "A best-seller in this shop")
TRENDING = Reason("trending", "Selling faster than usual")
LIKE_MINDED = Reason("like_minded", "Chosen by customers with a similar taste")

SAME: Final[Mapping[str, Reason]] = {
    "popular": BEST_SELLER,
    "popularity": BEST_SELLER,
    "seasonal": Reason("in_season", "Sells at this time of the year"),
    "segment_popular": Reason("popular_with_alike", "Popular with customers like you"),
    "trending": TRENDING,
    "recently_viewed": Reason("recently_viewed", "You looked at this lately"),
    "latest": Reason("latest", "Lately added to this shop"),
    "catalogue": Reason("in_catalogue", "From the range of this shop"),
}


def build_reasons(scored: Sequence[ScoredItem], context: QueryContext) -> list[Reason]:
    """The reason for each item."""
    items_by_source: dict[str, list[int]] = {}
    for candidate in scored:
        items_by_source.setdefault(candidate.source, []).append(candidate.item)
    reasons: dict[int, Reason] = {}
    for source, items in items_by_source.items():
        of_source = REASONS.get(source, _taste_reasons)(items, context)
        if len(items_by_source) == 1:
            return of_source
        reasons.update(zip(items, of_source, strict=True))
    return [reasons[candidate.item] for candidate in scored]


def _buy_again_reasons(items: list[int], context: QueryContext) -> list[Reason]:
    """How often and when each item was bought: worked out for all at once, for most lists hold nothing else."""
    texts = _known_texts(items, context)
    if texts is None:
        times, days = past_purchases(np.array(items, np.int32), context.history)
        texts = [_bought_on(n, day) for n, day in zip(times.tolist(), days.tolist(), strict=True)]
    if context.placement.tells_rhythm:
        days_by_item = _purchase_days(items, context.history)
        texts = [
            _interval_text(days_by_item[item], context.engine.repurchase.gap_of(item)) or text
            for item, text in zip(items, texts, strict=True)
        ]
    labels = context.catalogue.labels(items)
    return [_reason(("buy_again", text, (label.item_id,))) for label, text in zip(labels, texts, strict=True)]


def _known_texts(items: list[int], context: QueryContext) -> list[str] | None:
    """The same from what training prepared or this request worked out; None when some of the items are not in it."""
    repeats = context.repeat_purchases
    if repeats is not None:
        own, times, days = repeats.candidates.items.tolist(), repeats.times.tolist(), repeats.days.tolist()
    else:
        purchases = context.history.fold(context.engine.models["buy_again"])
        if purchases is None:
            return None
        own, _, times, days = (column.tolist() for column in purchases)
    index = own.index
    try:
        return [_bought_on(times[at], days[at]) for at in map(index, items)]
    except ValueError:
        return None


def _purchase_days(items: list[int], history: Histories) -> dict[int, list[int]]:
    """The days on which each of these items was bought, rising."""
    purchases = (history.kind == PURCHASE).nonzero()[0]
    bought, days = history.item[purchases], np.floor(history.at[purchases]).astype(np.int64)
    starts, ends = bought.searchsorted(items), bought.searchsorted(items, "right")
    rows = zip(items, starts.tolist(), ends.tolist(), strict=True)
    return {item: days[start:end].tolist() for item, start, end in rows}


def _interval_text(days: Sequence[int], usual_gap: float | None) -> str | None:
    """The customer's own repurchase interval, else that of all who buy the item; None where neither is known."""
    gap = own_gap(days)
    pace = in_words(gap) if gap is not None else None
    if pace is not None:
        return f"You buy this {pace}, last on {_date(days[-1])}"
    pace = in_words(usual_gap) if usual_gap is not None else None
    return pace and f"Bought again {pace} by customers, by you last on {_date(days[-1])}"


@lru_cache(maxsize=16_384)
def _bought_on(times: int, day: int) -> str:
    """A date rather than "3 days ago": lists stay in the cache for a while."""
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


def _by_category(reason: Callable[[str], Reason]) -> Reasons:
    def reasons(items: list[int], context: QueryContext) -> list[Reason]:
        category = context.catalogue.category
        return [reason(category.words[category.codes[item]]) for item in items]

    return reasons


def _same(reason: Reason) -> Reasons:
    return lambda items, _context: [reason] * len(items)


def _anchor_reasons(items: list[int], context: QueryContext, *, source: str) -> list[Reason]:
    anchors = context.anchor_items()
    anchors = anchors[context.mentionable(anchors)]
    if not len(anchors):
        return [LIKE_MINDED] * len(items)
    is_together = source == "bought_together"
    code, words = ("bought_together", "Often bought together with") if is_together else ("similar", "Goes with")
    if len(anchors) == 1:
        return [_reason_with(code, words, context.catalogue.label(int(anchors[0])))] * len(items)
    model = context.engine.bought_together if is_together else context.engine.item_neighbours
    table = None if model is None else model.neighbours
    nearest = nearest_liked(items, anchors, context.engine.n_items, table)
    first, label = int(anchors[0]), context.catalogue.label
    return [_reason_with(code, words, label(first if anchor is None else anchor)) for anchor in nearest]


def _taste_reasons(items: list[int], context: QueryContext) -> list[Reason]:
    """`nearest_liked` among the liked items of the history that may be mentioned to the customer."""
    model, n_items = context.engine.item_neighbours, context.engine.n_items
    history, catalogue, table = context.history, context.catalogue, None if model is None else model.neighbours
    if kernels.compiled is not None and table is not None and not len(context.dismissed):
        mask, rows = catalogue.is_listed, (table.offsets, table.neighbour, n_items, N_NEIGHBOURS)
        nearest = kernels.compiled.nearest_liked(items, history.item, history.weight, mask, *rows)
    else:
        liked = history.item[history.weight > 0]
        nearest = nearest_liked(items, liked[context.mentionable(liked)], n_items, table)
    labels = iter(catalogue.labels(anchor for anchor in nearest if anchor is not None))
    code, words = "because_you_chose", "Because you chose"
    return [LIKE_MINDED if anchor is None else _reason_with(code, words, next(labels)) for anchor in nearest]


@lru_cache(maxsize=4096)
def _reason_with(code: str, words: str, label: Label) -> Reason:
    return Reason(code, f"{words} {label.name or label.item_id}", (label.item_id,))


def nearest_liked(items: list[int], liked: Ints, n_items: int, table: NeighbourTable | None) -> list[int | None]:
    """The liked item that is most similar to each of the items; None where none is near."""
    if table is None or not len(liked):
        return [None] * len(items)
    if kernels.compiled is not None:
        rows = (table.offsets, table.neighbour, n_items, N_NEIGHBOURS)
        return kernels.compiled.nearest_liked(items, liked, None, None, *rows)
    is_liked = np.zeros(n_items, bool)
    is_liked[liked] = True
    near = table.nearest_of_each(items, N_NEIGHBOURS)  # best first
    all_near = np.concatenate(near)
    hits = is_liked[all_near].nonzero()[0]
    ends = list(accumulate(map(len, near)))
    firsts = hits.searchsorted([0, *ends[:-1]]).tolist()
    places = [*hits.tolist(), len(all_near)]
    return [int(all_near[places[at]]) if places[at] < end else None for at, end in zip(firsts, ends, strict=True)]


REASONS: Final[Mapping[str, Reasons]] = {
    **{source: _same(reason) for source, reason in SAME.items()},
    **{source: partial(_anchor_reasons, source=source) for source in BESIDE},
    "buy_again": _buy_again_reasons,
    "category_popular": _by_category(_popular_in),
    "trending_in_category": _by_category(_trending_in),
    "new_arrivals": _by_category(_new_in),
}
