"""Candidate pipeline: the sources of the placement, mixed, then the fallback levels, until the list has k items."""

from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

import numpy as np

from recsys.arrays import Doubles
from recsys.engine.calibration import interleaved, merged_by_probability
from recsys.fast_dataclass import fast_tuple
from recsys.models.candidates import NO_CANDIDATES, Candidates, ranked
from recsys.ranking.candidates.sources import SOURCES, category_popular, few_items, popular, segment_popular
from recsys.ranking.context.context import QueryContext
from recsys.ranking.placements import IMPERSONAL
from recsys.ranking.query import Fallback

LEVELS: Final[tuple[Fallback, ...]] = ("personal", "session", "segment", "popular")
NO_PROBABILITIES: Final[Doubles] = np.empty(0)
FEWEST_PLACES = 4  # a shorter list has no place to spare


class ScoredItem(NamedTuple):
    """One item of the list, its score, and the source and fallback level that it comes from."""

    item: int
    score: float
    source: str
    level: Fallback
    probability: float | None = None  # see rerank.reorder.explored


_scored_item = fast_tuple(ScoredItem)


def candidates_for(context: QueryContext, k: int) -> list[ScoredItem]:
    """min(k, eligible items) items, best first, none twice; some places are for new items of a kind that is liked."""
    is_mixed = context.placement.mix == "probability" and len(context.placement.sources) > 1
    scored = _mixed(context, k) if is_mixed else _in_order(context, k)
    if len({candidate.item for candidate in scored}) == len(scored) >= k:  # as nearly always
        scored = scored[:k]
    else:
        scored = _with_fallback_levels(scored, context, k)
    return _with_cold_start(scored, context, k) if len(context.cold_start) else scored


def _with_fallback_levels(scored: list[ScoredItem], context: QueryContext, k: int) -> list[ScoredItem]:
    """Each item once, and below them what the fallback levels hold besides, until there are k."""
    kept: dict[int, ScoredItem] = {}
    for candidates in chain((scored,), _fallback_levels(context, k)):
        for candidate in candidates:
            kept.setdefault(candidate.item, candidate)
        if len(kept) >= k:
            break
    return list(kept.values())[:k]


def _with_cold_start(scored: list[ScoredItem], context: QueryContext, k: int) -> list[ScoredItem]:
    """The list, no longer and no shorter, with some places, evenly spread, for items that no model knows yet."""
    if k < FEWEST_PLACES:
        return scored
    level: Fallback = context.level if context.level != "popular" else "segment"
    n_places = context.placement.arrivals * max(1, k // 10)
    candidates = _scored(context.cold_start, "new_arrivals", level)[:n_places]
    items = {candidate.item for candidate in candidates}
    scored = [candidate for candidate in scored if candidate.item not in items]
    for at, candidate in enumerate(candidates):
        scored.insert(int((at + 0.5) * k / len(candidates)), candidate)
    return scored[:k]


def fallback_of(scored: list[ScoredItem]) -> Fallback:
    """The lowest fallback level that the list needed."""
    return max({candidate.level for candidate in scored}, key=LEVELS.index, default="popular")


def _fallback_levels(context: QueryContext, k: int) -> Iterator[list[ScoredItem]]:
    if not context.placement.fills:
        return
    # Up to k of them may be in the list already.
    yield _scored(category_popular(context, 2 * k), "category_popular", "segment")
    yield _scored(segment_popular(context, 2 * k), "segment_popular", "segment")
    yield _scored(popular(context, 2 * k), "popular", "popular")
    yield _remaining_items(context, k)


def _in_order(context: QueryContext, k: int) -> list[ScoredItem]:
    scored: list[ScoredItem] = []
    for source in context.placement.sources:
        if len(scored) < k:  # a later source only fills what the earlier ones leave open; one named twice counts once
            scored += _scored(SOURCES[source](context, 2 * k), source, context.level)
    return scored


def _mixed(context: QueryContext, k: int) -> list[ScoredItem]:
    """The k most probable of all sources; those of a source that is unlikely to add any of them are not made."""
    sources, curves = context.placement.sources, context.engine.calibrations
    lists: list[Candidates] = []
    probabilities: list[Doubles] = []
    is_calibrated, n_events = all(source in curves for source in sources), len(context.history.item)
    for source in sources:
        # Each list is in falling order: its k-th decides whether k candidates are better.
        is_settled = any(len(falling) >= k and falling[k - 1] >= curves[source].upper for falling in probabilities)
        candidates = NO_CANDIDATES if is_settled else SOURCES[source](context, k)
        lists.append(candidates)
        if is_calibrated:
            probabilities.append(
                curves[source].apply(candidates.scores, n_events) if len(candidates) else NO_PROBABILITIES
            )
    if is_calibrated:
        merged = merged_by_probability(lists, probabilities)
    else:
        merged = interleaved(lists, context.engine.repeat_share)
    levels: list[Fallback] = ["popular" if source in IMPERSONAL else context.level for source in sources]
    return [_scored_item((item, score, sources[at], levels[at], None)) for item, score, at in merged[:k]]


def _scored(candidates: Candidates, source: str, level: Fallback) -> list[ScoredItem]:
    if source in IMPERSONAL:
        level = "popular"
    return [
        _scored_item((item, score, source, level, None))
        for item, score in zip(candidates.items.tolist(), candidates.scores.tolist(), strict=True)
    ]


def _remaining_items(context: QueryContext, k: int) -> list[ScoredItem]:
    """The items added after the bundle, the newest first, and the items that nobody has bought yet."""
    mask, n, order = context.eligible.mask, context.engine.n_items, context.engine.popularity.order
    newer = np.flatnonzero(mask[n:])[::-1] + n
    if context.eligible.few is None:
        items = order[mask[order]]
    else:
        items = few_items(context.eligible, n)
        items = ranked(items, context.engine.popularity.weight[items], len(items)).items
    return [ScoredItem(int(item), 0.0, "catalogue", "popular") for item in (*newer[:k], *items[-k:])]
