"""Candidate sources: each returns the best eligible items for a query context, best first."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, cast

import numpy as np

from recsys import kernels
from recsys.arrays import Bools, Floats, Ints, top_k
from recsys.data.dataset.histories import Histories
from recsys.engine.candidate_cache import CandidateLists, RepeatPurchases, shortened
from recsys.engine.engine import Engine
from recsys.index.base import Index
from recsys.index.exact import NARROW, ExactIndex, IndexRows
from recsys.models.base import BesideModel, Model, OwnItemsModel, RowsModel, VectorModel
from recsys.models.buy_again import BuyAgainModel
from recsys.models.candidates import NO_CANDIDATES, Candidates, best, best_of_few, blended, ranked
from recsys.models.popularity import STEADY
from recsys.models.registry import MODELS
from recsys.models.seasonal import SeasonalModel
from recsys.ranking.context.context import QueryContext, owned_items
from recsys.ranking.filters.eligibility import Eligibility

Source = Callable[[QueryContext, int], Candidates]

BLEND_DEPTH = 20  # candidates each model brings to a blend; 50 finds no more, see docs/benchmarks.md
WIDE = 40  # candidates of each model in the cache: half of them may be sold out or filtered before a search is needed
TOP_CATEGORIES = 3
LIKELY = 256  # best-sellers whose scores bound the search through all


def model_candidates(engine: Engine, name: str, history: Histories, eligible: Eligibility, k: int) -> Candidates:
    """The k best eligible items of one model for one history, which may be empty."""
    model = engine.models.get(name)
    if model is None or not len(history.item):
        return NO_CANDIDATES
    if name == engine.popularity.name:
        return _best_sellers(engine, eligible, k, only_sold=True)
    if isinstance(model, BuyAgainModel):
        items, scores, *_ = history.keep_fold(model, model.best_own(history, k, eligible.mask))
        return Candidates(items, scores)
    if _scores_own_items(type(model)):
        if eligible.passing is not None:  # a filter leaves few of their events
            history = history.where(eligible.mask[history.item])
        items, scores = cast(OwnItemsModel, model).score_own(history)
        mask = eligible.mask[items]
        return ranked(items[mask], scores[mask], k)
    if kernels.compiled is not None and _sums_rows(type(model)):
        mask = eligible.mask[: engine.n_items]
        return Candidates(*cast(RowsModel, model).best_of_rows(kernels.compiled, history, mask, k))
    index = engine.indexes.get("personal") if name in engine.vector_models else None
    rows = _passing_rows(index, eligible, engine.n_items) if isinstance(index, ExactIndex) else None
    if eligible.few is not None and rows is None:
        items = few_items(eligible, engine.n_items)
        return best_of_few(items, model_scores(engine, name, history, items), k)
    if index is not None:
        return _indexed(index, cast(VectorModel, model).embed(history), rows, eligible.mask[: engine.n_items], k)
    likely = engine.popularity.order[:LIKELY]
    return best(model.score(history)[0], eligible.mask[: engine.n_items], k, likely)


@cache
def _scores_own_items(kind: type[Model]) -> bool:
    """Cached by class: a check against a Protocol takes as long as a whole request may."""
    return issubclass(kind, OwnItemsModel)


@cache
def _sums_rows(kind: type[Model]) -> bool:
    return issubclass(kind, RowsModel)


def few_items(eligible: Eligibility, n_items: int) -> Ints:
    """The eligible items among the first n_items, rising.  With `few`, the others cost nothing."""
    if eligible.few is None:
        return eligible.mask[:n_items].nonzero()[0].astype(np.int32)
    items = eligible.few[: eligible.few.searchsorted(n_items)]
    return np.asarray(items[eligible.mask[items]], np.int32)


def model_scores(engine: Engine, name: str, history: Histories, items: Ints) -> Floats:
    """The scores that one model gives these items for one history, (N,) -> (N,); of vectors the others cost nothing."""
    model = engine.models[name]
    if name in engine.vector_models:
        vectors = cast(VectorModel, model)
        return np.asarray(vectors.item_vectors.take(items, 0) @ vectors.embed(history)[0], np.float32)
    return np.asarray(model.score(history)[0][items], np.float32)


def _indexed(index: Index, vectors: Floats, rows: IndexRows | None, mask: Bools, k: int) -> Candidates:
    """The best of an index for one vector, (1, F); rows: see `_passing_rows`."""
    if isinstance(index, ExactIndex) and (rows is not None or kernels.compiled is not None):
        items, scores = index.search_rows(vectors[0], k, rows, mask)
    else:
        (items,), (scores,) = index.search(vectors, k, mask)
    if len(scores) and scores[-1] > 0:  # as nearly always; they fall
        return Candidates(items, scores)
    is_liked = scores > 0
    return Candidates(items[is_liked], scores[is_liked])


def _passing_rows(index: ExactIndex, eligible: Eligibility, n_items: int) -> IndexRows | None:
    """The rows of the items that pass the filter, kept with its result; None where that is no faster than a search."""
    passing = eligible.passing
    if passing is None or passing.n_passing * NARROW > n_items:
        return None
    kept = passing.index_rows.get("personal")
    if kept is None or kept[0] is not index:  # the same catalogue may serve another engine
        items = passing.items
        kept = passing.index_rows["personal"] = index, index.rows(items[: items.searchsorted(n_items)])
    return cast(IndexRows, kept[1])


def _model_source(name: str) -> Source:
    def source(context: QueryContext, k: int) -> Candidates:
        return model_candidates(context.engine, name, context.history, context.eligible, k)

    return source


def buy_again(context: QueryContext, k: int) -> Candidates:
    """Items that the customer bought and will buy again."""
    repeats = context.repeat_purchases or _kept_repeat_purchases(context)
    if repeats is not None:
        candidates = shortened(repeats.candidates, context.eligible.mask, k, WIDE)
        if candidates is not None:
            return candidates
    return model_candidates(context.engine, "buy_again", context.history, context.eligible, k)


def _kept_repeat_purchases(context: QueryContext) -> RepeatPurchases | None:
    """What the customer buys again, worked out and kept for the next request; None where that does not pay."""
    cache, key = context.engine.candidate_cache, context.candidate_key
    if key is None or not cache.is_enabled or not context.is_unrestricted or "buy_again" not in context.engine.models:
        return None
    repeats = repeat_purchases(context.engine, context.history)
    cache.put_repeat_purchases(key, repeats)
    return repeats


def repeat_purchases(engine: Engine, history: Histories) -> RepeatPurchases:
    """The best of all items that one customer bought, sold out or not listed ones too: see `shortened`."""
    model = cast(BuyAgainModel, engine.models["buy_again"])
    items, scores, times, days = history.keep_fold(model, model.best_own(history, WIDE))
    return RepeatPurchases(Candidates(items, scores), times, days)


def discover(context: QueryContext, k: int) -> Candidates:
    """Items that the customer has never bought, by the blend of models that validation chose."""
    lists = discover_candidates(context, max(k, BLEND_DEPTH))
    return blended(list(zip(lists, context.engine.active_models.values(), strict=True)), k)


def discover_candidates(context: QueryContext, depth: int) -> CandidateLists:
    """Up to `depth` of the best new eligible items of each model of the blend, from the cache where that pays.

    The cache is filled if need be; filters may leave too little of its lists.
    """
    engine, history, key = context.engine, context.history, context.candidate_key
    cache = engine.candidate_cache
    # Where a filter leaves few items, a search costs little more than to see that too few of a list are left.
    passing = context.eligible.passing
    is_narrow = passing is not None and passing.n_passing * NARROW < engine.n_items
    if key is not None and depth < WIDE and not is_narrow:
        lists = cache.find(key)
        if lists is None and context.is_unrestricted and cache.is_enabled:
            lists = unseen_candidates(engine, history, Eligibility(context.catalogue.is_listed), WIDE)
            cache.put(key, lists)
        parts = [shortened(whole, context.eligible.mask, depth, WIDE) for whole in lists or ()]
        left = tuple(part for part in parts if part is not None)
        if lists is not None and len(left) == len(lists):
            return left
    for name, fold in cache.find_folds(key).items():
        history.keep_fold(engine.models[name], fold)
    return unseen_candidates(engine, history, context.eligible, depth)


def unseen_candidates(engine: Engine, history: Histories, eligible: Eligibility, depth: int) -> CandidateLists:
    """The best eligible items of each model of the blend, without those that the customer has bought or rated."""
    if eligible.passing is not None:  # masks of filters are too many for the pool
        return _candidates_of_models(engine, history, eligible.without(owned_items(history)), depth)
    with engine.mask_pool.without(eligible.mask, owned_items(history)) as mask:
        return _candidates_of_models(engine, history, Eligibility(mask), depth)


def _candidates_of_models(engine: Engine, history: Histories, eligible: Eligibility, depth: int) -> CandidateLists:
    return tuple(model_candidates(engine, name, history, eligible, depth) for name in engine.active_models)


def similar(context: QueryContext, k: int) -> Candidates:
    """Items chosen by the same customers as the anchors."""
    return _beside("item_neighbours", context, k)


def bought_together(context: QueryContext, k: int) -> Candidates:
    """Items bought in the same baskets as the anchors."""
    return _beside("bought_together", context, k)


def _beside(name: str, context: QueryContext, k: int) -> Candidates:
    """The best of a model for the anchors; of a single one, as beside an item, only its own neighbours are scored."""
    items, eligible = context.anchor_items(), context.eligible
    if name in context.engine.models and len(items) == 1 and not eligible.mask[items[0]]:
        others, scores = cast(BesideModel, context.engine.models[name]).score_beside(items[0])
        left = eligible.mask[others].nonzero()[0][:k]
        return Candidates(others[left], scores[left])
    return model_candidates(context.engine, name, context.anchors(), eligible, k)


def similar_vectors(context: QueryContext, k: int) -> Candidates:
    """Items nearest to the mean of the anchors in the space of item vectors."""
    index, history = context.engine.indexes.get("similar"), context.anchors()
    if index is None or not len(history.item):
        return NO_CANDIDATES
    model = cast(VectorModel, context.engine.models[next(iter(context.engine.vector_models))])
    middle = unit(model.item_vectors[history.item]).mean(axis=0, keepdims=True)
    items, scores = index.search(middle, k, context.eligible.mask[: context.engine.n_items])
    is_near = scores[0] > 0
    return Candidates(items[0][is_near], scores[0][is_near])


def trending(context: QueryContext, k: int) -> Candidates:
    """Items that sell faster than usual."""
    return _rising(context, context.eligible.mask[: context.engine.n_items], k)


def trending_in_category(context: QueryContext, k: int) -> Candidates:
    """Items that sell faster than usual in the categories of the items on the page; none without such items."""
    if not len(context.context_items):
        return NO_CANDIDATES
    engine = context.engine
    items = context.context_items[context.context_items < engine.n_items]
    codes = np.concatenate((context.cold_categories, engine.category[items]))
    return _rising(context, context.eligible.mask[: engine.n_items] & np.isin(engine.category, codes[codes > 0]), k)


def seasonal(context: QueryContext, k: int) -> Candidates:
    """What sells at this time of the year, for visitors without a history, too; none where the release lacks it."""
    model = context.engine.models.get("seasonal")
    if model is None:
        return NO_CANDIDATES
    scores = cast(SeasonalModel, model).weight
    return best(scores, context.eligible.mask[: context.engine.n_items], k, context.engine.popularity.order[:LIKELY])


def _rising(context: QueryContext, mask: Bools, k: int) -> Candidates:
    candidates = best(context.engine.popularity.trend, mask, k)
    end = int(np.count_nonzero(candidates.scores > STEADY))
    return Candidates(candidates.items[:end], candidates.scores[:end])


def recently_viewed(context: QueryContext, k: int) -> Candidates:
    """Items that the customer viewed last and has not bought since."""
    return _first_eligible(context.recently_viewed, context, k)


def new_arrivals(context: QueryContext, k: int) -> Candidates:
    """Items that came in the last weeks, of kinds that the customer likes first."""
    return _first_eligible(context.new_arrivals.new, context, k)


def latest(context: QueryContext, k: int) -> Candidates:
    """Items that came before the last weeks, the newest first."""
    return _first_eligible(context.new_arrivals.older, context, k)


def _first_eligible(candidates: Candidates, context: QueryContext, k: int) -> Candidates:
    kept = np.flatnonzero(context.eligible.mask[candidates.items])[:k]
    return Candidates(candidates.items[kept], candidates.scores[kept])


def category_popular(context: QueryContext, k: int) -> Candidates:
    """Best-sellers in the categories of the items on the page, else of the items that the customer used last."""
    codes = _top_categories(context)
    if not len(codes):
        return NO_CANDIDATES
    items = np.concatenate([context.engine.popularity.by_category(code) for code in codes.tolist()])
    items = items[context.eligible.mask[items]]
    return ranked(items, context.engine.popularity.weight[items], k)


def segment_popular(context: QueryContext, k: int) -> Candidates:
    """Items that customers with the same attributes buy; for a customer of whom nothing else is known."""
    model = context.engine.segments
    if model is None or not len(context.user_features):
        return NO_CANDIDATES
    mask = context.eligible.mask[model.items]
    return ranked(model.items[mask], model.probabilities(context.user_features)[mask], k)


def popular(context: QueryContext, k: int) -> Candidates:
    """Best-sellers of the shop."""
    return _best_sellers(context.engine, context.eligible, k, only_sold=False)


def _best_sellers(engine: Engine, eligible: Eligibility, k: int, *, only_sold: bool) -> Candidates:
    """The first k eligible items of a precomputed order.  only_sold: only scores above 0, as a model gives them."""
    items = engine.popularity.order[: max(256, 4 * k)]
    items = items[eligible.mask[items]]
    if len(items) < k:  # a narrow filter: few are left to be ordered anew
        items = few_items(eligible, engine.n_items)
        items = items[top_k(engine.popularity.weight[items], k)]
    weight = engine.popularity.weight[items[:k]]
    end = int(np.count_nonzero(weight > 0)) if only_sold else k
    return Candidates(items[:end], weight[:end])


def _top_categories(context: QueryContext) -> Ints:
    history = context.anchors()
    codes = context.engine.category[history.item[history.weight > 0]]
    if len(context.cold_items):
        codes = np.concatenate((context.cold_categories, codes))
    counts = np.bincount(codes[codes > 0]) if len(codes) else np.empty(0, np.int64)
    order = np.argsort(-counts, kind="stable")[:TOP_CATEGORIES]
    return order[counts[order] > 0].astype(np.int32)


def unit(vectors: Floats) -> Floats:
    """Each row at length 1; zero rows stay zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)


SOURCES: Final[Mapping[str, Source]] = {
    **{name: _model_source(name) for name in MODELS},
    "seasonal": seasonal,
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
