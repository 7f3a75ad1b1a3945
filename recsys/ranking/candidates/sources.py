"""Where candidates come from: each source answers a question with allowed items, best first."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, cast

import numpy as np

from recsys.arrays import Bools, Floats, Ints, top_k
from recsys.data.dataset.histories import Histories
from recsys.engine.candidate_cache import CandidateKey, CandidateLists, shortened
from recsys.engine.engine import Engine
from recsys.models.base import Model, OwnItemsModel, VectorModel
from recsys.models.blend import blended
from recsys.models.candidates import NOBODY, Candidates, best, best_of, ranked
from recsys.models.popularity import PopularityModel
from recsys.models.registry import MODELS
from recsys.ranking.context.context import QueryContext, owned_items

Source = Callable[[Engine, QueryContext, int], Candidates]

BLEND_DEPTH = 20  # candidates each model brings to a blend; 50 finds no more, see docs/benchmarks.md
WIDE = 40  # candidates that are kept of each: half of them may be sold out or filtered before a search is due
TOP_CATEGORIES = 3
STEADY = 1.0  # an item sells at its usual pace
LIKELY = 256  # best-sellers whose scores bound the search through all


def of_model(
    engine: Engine, name: str, history: Histories, allowed: Bools, k: int, few: Ints | None = None
) -> Candidates:
    """The k best allowed items of one model for one history, which may be empty.

    few: positions, rising, that hold all allowed items; they change how fast the answer comes, not the answer.
    """
    model = engine.models.get(name)
    if model is None or not len(history.item):
        return NOBODY
    if name == engine.popularity.name:
        return _best_sellers(engine.popularity, allowed, k, few, only_sold=True)
    if _knows_own_items(type(model)):
        items, scores = cast(OwnItemsModel, model).score_own(history)
        mine = allowed[items]
        return ranked(items[mine], scores[mine], k)
    is_vectors = name in engine.vector_models
    if few is not None:
        known = known_of(few, allowed, engine.n_items)
        scores = _by_vectors(model, history, known) if is_vectors else model.score(history)[0][known]
        return best_of(known, scores, k)
    if is_vectors and "personal" in engine.indexes:
        return _searched(engine, cast(VectorModel, model), history, allowed, k)
    likely = engine.popularity.order[:LIKELY]
    return best(model.score(history)[0], allowed[: engine.n_items], k, likely)


@cache
def _knows_own_items(kind: type[Model]) -> bool:
    """Asked once per kind: asking a Protocol takes as long as an answer may."""
    return issubclass(kind, OwnItemsModel)


def known_of(few: Ints, allowed: Bools, n_items: int) -> Ints:
    """Those of a few items, rising, that are allowed and among the first n_items."""
    known = few[: few.searchsorted(n_items)]
    left: Ints = known[allowed[known]]
    return left


def _by_vectors(model: Model, history: Histories, items: Ints) -> Floats:
    """What a model of vectors scores these items, (N,) -> (N,): the others cost nothing."""
    vectors = cast(VectorModel, model)
    scores: Floats = vectors.item_vectors.take(items, 0) @ vectors.embed(history)[0]
    return scores


def _searched(engine: Engine, model: VectorModel, history: Histories, allowed: Bools, k: int) -> Candidates:
    items, scores = engine.indexes["personal"].search(model.embed(history), k, allowed[: engine.n_items])
    liked = scores[0] > 0
    return Candidates(items[0][liked], scores[0][liked])


def _plain(name: str) -> Source:
    def source(engine: Engine, question: QueryContext, k: int) -> Candidates:
        return of_model(engine, name, question.history, question.allowed, k, question.few)

    return source


_own = _plain("buy_again")


def buy_again(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """What the customer bought and will buy again."""
    ready = question.again
    found = shortened(ready.candidates, question.allowed, k, WIDE) if ready is not None else None
    return _own(engine, question, k) if found is None else found


def discover(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """Things the customer has never bought, by the blend of models that validation chose."""
    depth = max(k, BLEND_DEPTH)
    parts = best_new_of(engine, question, depth)
    return blended(list(zip(parts, engine.active_models.values(), strict=True)), k)


def best_new_of(engine: Engine, question: QueryContext, depth: int) -> CandidateLists:
    """Up to `depth` of the best new things of each voice of the blend that may be shown, remembered where that pays."""
    parts = _remembered(engine, question, depth) if question.taste is not None and depth < WIDE else None
    return lists_of(engine, question.history, question.allowed, depth, question.few) if parts is None else parts


def lists_of(engine: Engine, history: Histories, items: Bools, depth: int, few: Ints | None = None) -> CandidateLists:
    """The best of these items, (I,), of each model of the blend, but for those the customer has bought or rated.

    few: see `of_model`.
    """
    with engine.mask_pool.without(items, owned_items(history)) as unseen:
        return tuple(of_model(engine, name, history, unseen, depth, few) for name in engine.active_models)


def _remembered(engine: Engine, question: QueryContext, depth: int) -> CandidateLists | None:
    """The lists as they were found before, or are found now for later; None when the filters leave too little."""
    taste = cast(CandidateKey, question.taste)
    found = engine.candidate_cache.find(taste)
    if found is None:
        if not question.is_plain or not engine.candidate_cache.is_enabled:
            return None
        found = lists_of(engine, question.history, question.listed, WIDE)
        engine.candidate_cache.put(taste, found)
    left = [shortened(part, question.allowed, depth, WIDE) for part in found]
    return None if any(part is None for part in left) else cast(CandidateLists, tuple(left))


def similar(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """Chosen by the same customers as the anchors."""
    return of_model(engine, "item_neighbours", question.anchors(), question.allowed, k, question.few)


def bought_together(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """Bought in the same baskets as the anchors."""
    return of_model(engine, "bought_together", question.anchors(), question.allowed, k, question.few)


def similar_vectors(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """Nearest to the mean of the anchors in the space of item vectors."""
    index, anchors = engine.indexes.get("similar"), question.anchors()
    if index is None or not len(anchors.item):
        return NOBODY
    model = cast(VectorModel, engine.models[next(iter(engine.vector_models))])
    middle = unit(model.item_vectors[anchors.item]).mean(axis=0, keepdims=True)
    items, scores = index.search(middle, k, question.allowed[: engine.n_items])
    near = scores[0] > 0
    return Candidates(items[0][near], scores[0][near])


def trending(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """Selling faster than usual."""
    return _rising(engine, question.allowed[: engine.n_items], k)


def trending_in_category(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """Selling faster than usual among what is of the categories of the context; nothing without one."""
    if not len(question.context):
        return NOBODY
    known = question.context[question.context < engine.n_items]
    codes = np.concatenate((question.late_category, engine.category[known]))
    return _rising(engine, question.allowed[: engine.n_items] & np.isin(engine.category, codes[codes > 0]), k)


def _rising(engine: Engine, allowed: Bools, k: int) -> Candidates:
    found = best(engine.popularity.trend, allowed, k)
    end = int(np.count_nonzero(found.scores > STEADY))
    return Candidates(found.items[:end], found.scores[:end])


def recently_viewed(_engine: Engine, question: QueryContext, k: int) -> Candidates:
    """What the customer looked at last and has not bought since."""
    return _allowed(question.viewed, question.allowed, k)


def new_arrivals(_engine: Engine, question: QueryContext, k: int) -> Candidates:
    """What came in the last weeks, of kinds the customer likes first."""
    return _allowed(question.latest.new, question.allowed, k)


def latest(_engine: Engine, question: QueryContext, k: int) -> Candidates:
    """What came before the last weeks, the newest first."""
    return _allowed(question.latest.older, question.allowed, k)


def _allowed(found: Candidates, allowed: Bools, k: int) -> Candidates:
    kept = np.flatnonzero(allowed[found.items])[:k]
    return Candidates(found.items[kept], found.scores[kept])


def category_popular(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """Best-sellers of the categories of what the customer looks at, or else did last."""
    categories = _top_categories(engine, question)
    if not len(categories):
        return NOBODY
    items = np.concatenate([engine.popularity.by_category(int(code)) for code in categories])
    items = items[question.allowed[items]]
    return ranked(items, engine.popularity.weight[items], k)


def segment_popular(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """What customers with the same attributes want; for somebody of whom nothing else is known."""
    model = engine.segments
    if model is None or not len(question.traits):
        return NOBODY
    allowed = question.allowed[model.items]
    return ranked(model.items[allowed], model.ranking(question.traits)[allowed], k)


def popular(engine: Engine, question: QueryContext, k: int) -> Candidates:
    """Best-sellers of the shop."""
    return _best_sellers(engine.popularity, question.allowed, k, question.few, only_sold=False)


def _best_sellers(
    popularity: PopularityModel, allowed: Bools, k: int, few: Ints | None, *, only_sold: bool
) -> Candidates:
    """The first k allowed ones of an order that stands already; `only_sold`: as a model answers, above 0."""
    first = popularity.order[: max(256, 4 * k)]
    items = first[allowed[first]]
    if len(items) < k:  # a narrow filter: few are left to be ordered anew
        n = len(popularity.order)
        left = np.flatnonzero(allowed[:n]) if few is None else known_of(few, allowed, n)
        items = left[top_k(popularity.weight[left], k)].astype(np.int32)
    weight = popularity.weight[items[:k]]
    end = int(np.count_nonzero(weight > 0)) if only_sold else k
    return Candidates(items[:end], weight[:end])


def _top_categories(engine: Engine, question: QueryContext) -> Ints:
    anchors = question.anchors()
    codes = engine.category[anchors.item[anchors.weight > 0]]
    if len(question.late):
        codes = np.concatenate((question.late_category, codes))
    counts = np.bincount(codes[codes > 0]) if len(codes) else np.empty(0, np.int64)
    order = np.argsort(-counts, kind="stable")[:TOP_CATEGORIES]
    return order[counts[order] > 0].astype(np.int32)


def unit(vectors: Floats) -> Floats:
    """Each row at length 1; zero rows stay zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)


SOURCES: Final[Mapping[str, Source]] = {
    **{name: _plain(name) for name in MODELS},
    "buy_again": buy_again,
    "discover": discover,
    "similar": similar,
    "bought_together": bought_together,
    "similar_vectors": similar_vectors,
    "trending": trending,
    "trending_in_category": trending_in_category,
    "recently_viewed": recently_viewed,
    "new_arrivals": new_arrivals,
    "latest": latest,
    "category_popular": category_popular,
    "segment_popular": segment_popular,
    "popular": popular,
}
