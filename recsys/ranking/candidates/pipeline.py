"""Candidate pipeline: the sources of the placement, mixed, then the fallback levels, until the list has k items."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from recsys.arrays import Doubles
from recsys.engine.calibration import interleaved, merged_by_probability
from recsys.fast_dataclass import fast_tuple
from recsys.models.candidates import NO_CANDIDATES, Candidates, ranked
from recsys.ranking.candidates.sources import SOURCES, category_popular, few_items, popular, segment_popular
from recsys.ranking.context.context import QueryContext
from recsys.ranking.query import Fallback

LEVELS: Final[tuple[Fallback, ...]] = ("personal", "session", "segment", "popular")
NO_PROBABILITIES: Final[Doubles] = np.empty(0)
FEWEST_PLACES = 4  # a shorter list has no place to spare
IMPERSONAL: Final = frozenset({"trending", "trending_in_category", "latest", "popular", "popularity", "seasonal"})


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
    scored = _fill_levels(context, k)
    return _with_cold_start(scored, context, k) if len(context.cold_start) else scored


def _fill_levels(context: QueryContext, k: int) -> list[ScoredItem]:
    scored: list[ScoredItem] = []
    taken: set[int] = set()
    for candidates in _fallback_levels(context, k):
        if not scored and len({candidate.item for candidate in candidates}) == len(candidates) >= k:
            return candidates[:k]  # as nearly always
        for candidate in candidates:
            if candidate.item not in taken:
                taken.add(candidate.item)
                scored.append(candidate)
                if len(scored) == k:
                    return scored
    return scored


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
    yield _from_sources(context, k)
    if not context.placement.fills:
        return
    # Up to k of them may be in the list already.
    yield _scored(category_popular(context, 2 * k), "category_popular", "segment")
    yield _scored(segment_popular(context, 2 * k), "segment_popular", "segment")
    yield _scored(popular(context, 2 * k), "popular", "popular")
    yield _remaining_items(context, k)


def _from_sources(context: QueryContext, k: int) -> list[ScoredItem]:
    if context.placement.mix == "probability" and len(context.placement.sources) > 1:
        return _mixed_sources(context, k)
    scored: list[ScoredItem] = []
    for source in context.placement.sources:
        if len(scored) < k:  # a later source only fills what the earlier ones leave open; one named twice counts once
            scored += _scored(SOURCES[source](context, 2 * k), source, context.level)
    return scored


def _mixed_sources(context: QueryContext, k: int) -> list[ScoredItem]:
    sources = context.placement.sources
    if all(source in context.engine.calibrations for source in sources):
        merged = merged_by_probability(*_with_probabilities(context, k))
    else:
        merged = interleaved([SOURCES[source](context, k) for source in sources], context.engine.repeat_share)
    levels = [_level_of_source(source, context.level) for source in sources]
    return [_scored_item((item, score, sources[at], levels[at], None)) for item, score, at in merged[:k]]


def _with_probabilities(context: QueryContext, k: int) -> tuple[list[Candidates], list[Doubles]]:
    """The candidates of each source and their probabilities; a source unlikely to add any of the k best is left out."""
    lists: list[Candidates] = []
    probabilities: list[Doubles] = []
    n_events = len(context.history.item)
    for source in context.placement.sources:
        calibration = context.engine.calibrations[source]
        # Each list is in falling order: its k-th decides whether k candidates are better.
        is_settled = any(len(falling) >= k and falling[k - 1] >= calibration.upper for falling in probabilities)
        candidates = NO_CANDIDATES if is_settled else SOURCES[source](context, k)
        lists.append(candidates)
        probabilities.append(calibration.apply(candidates.scores, n_events) if len(candidates) else NO_PROBABILITIES)
    return lists, probabilities


def _scored(candidates: Candidates, source: str, level: Fallback) -> list[ScoredItem]:
    level = _level_of_source(source, level)
    return [
        _scored_item((item, score, source, level, None))
        for item, score in zip(candidates.items.tolist(), candidates.scores.tolist(), strict=True)
    ]


def _level_of_source(source: str, level: Fallback) -> Fallback:
    return "popular" if source in IMPERSONAL else level


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
