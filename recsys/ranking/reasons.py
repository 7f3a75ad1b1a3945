"""Why an item stands in the list, in a sentence a shopper can read and a code a storefront can translate."""

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime

import numpy as np

from recsys.arrays import Floats, Ints
from recsys.data.events import PURCHASE
from recsys.data.histories import Histories
from recsys.data.shelf import Catalogue
from recsys.models.base import ItemModel
from recsys.ranking.engine import Engine
from recsys.ranking.pipeline import Pick
from recsys.ranking.query import Reason
from recsys.ranking.question import Question

LOOKED_AT = 200  # neighbours of an item that are searched for something the customer knows

BEST_SELLER = Reason("best_seller", "A best-seller in this shop")
TRENDING = Reason("trending", "Selling faster than usual")
IN_CATALOGUE = Reason("in_catalogue", "From the range of this shop")
LIKE_MINDED = Reason("like_minded", "Chosen by customers with a similar taste")


def reason_of(pick: Pick, question: Question, engine: Engine, catalogue: Catalogue) -> Reason:
    """The reason for one pick."""
    source = pick.source
    if source == "buy_again":
        return _bought_before(pick.item, question.history, catalogue)
    if source in ("popular", "popularity"):
        return BEST_SELLER
    if source == "trending":
        return TRENDING
    if source == "catalogue":
        return IN_CATALOGUE
    if source == "category_popular":
        return _popular_in(pick.item, catalogue)
    if source in ("similar", "similar_vectors", "bought_together"):
        return _goes_with(pick, question.anchors(), engine, catalogue)
    return _because(pick.item, question.history, engine, catalogue)


def _bought_before(item: int, history: Histories, catalogue: Catalogue) -> Reason:
    first, last = bisect_left(history.item, item), bisect_right(history.item, item)
    bought = history.at[first:last][history.kind[first:last] == PURCHASE]
    often = "once" if len(bought) == 1 else f"{len(bought)} times, last"
    return Reason("buy_again", f"You bought this {often} on {_date(float(bought[-1]))}", (catalogue.item_id(item),))


def _date(day: float) -> str:
    """A date rather than "3 days ago": answers are kept for a while."""
    moment = datetime.fromtimestamp(day * 86_400, UTC)
    return f"{moment.day} {moment:%b %Y}"


def _popular_in(item: int, catalogue: Catalogue) -> Reason:
    category = catalogue.category.words[catalogue.category.codes[item]]
    return Reason("popular_in_category", f"Popular in {category}" if category else BEST_SELLER.text)


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
    item_id = catalogue.item_id(anchor)
    return Reason(code, f"{words} {catalogue.name(anchor) or item_id}", (item_id,))


def _nearest(item: int, known: Ints, weight: Floats, model: ItemModel | None) -> int | None:
    """Which of the known items explains this one best by similarity times weight; None when none is near."""
    if model is None or not len(known):
        return None
    items, similarities = model.similar(item, LOOKED_AT)
    strength = np.where(weight > 0, 1.0, 0.0)
    place = np.searchsorted(known, items)
    place[place == len(known)] = 0
    near = (known[place] == items) & (strength[place] > 0)
    return int(items[near][np.argmax(similarities[near])]) if near.any() else None
