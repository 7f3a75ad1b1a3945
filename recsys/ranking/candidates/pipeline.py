"""A question becomes a list: the placement's sources, mixed, then the ladder, until k items stand or none is left."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from recsys.arrays import Doubles
from recsys.engine.calibration import interleaved, merged_by_probability
from recsys.engine.engine import Engine
from recsys.models.candidates import NOBODY, Candidates, ranked
from recsys.ranking.candidates.sources import SOURCES, category_popular, known_of, popular, segment_popular
from recsys.ranking.context.context import QueryContext
from recsys.ranking.placements import Placement
from recsys.ranking.query import Fallback

LEVELS: Final[tuple[Fallback, ...]] = ("personal", "session", "segment", "popular")
NO_CHANCES: Final[Doubles] = np.empty(0)
FEWEST_PLACES = 4  # a shorter list has no place to spare
IMPERSONAL: Final = frozenset({"trending", "trending_in_category", "latest", "popular", "popularity"})


class ScoredItem(NamedTuple):
    """One item of the list and where it comes from."""

    item: int
    score: float
    source: str
    level: Fallback
    probability: float | None = None  # see ranking.rerank.explored


def candidates_for(engine: Engine, placement: Placement, question: QueryContext, k: int) -> list[ScoredItem]:
    """min(k, allowed items) picks, best first, no item twice; some places are for new items of a kind that is liked."""
    picks = _climbed(engine, placement, question, k)
    return _with_arrivals(picks, placement, question, k) if len(question.arrivals) else picks


def _climbed(engine: Engine, placement: Placement, question: QueryContext, k: int) -> list[ScoredItem]:
    picks: list[ScoredItem] = []
    taken: set[int] = set()
    for stretch in _fallback_levels(engine, placement, question, k):
        for pick in stretch:
            if pick.item not in taken:
                taken.add(pick.item)
                picks.append(pick)
                if len(picks) == k:
                    return picks
    return picks


def _with_arrivals(picks: list[ScoredItem], placement: Placement, question: QueryContext, k: int) -> list[ScoredItem]:
    """The list with its share of places, spread over it, for what no model can know yet.  No longer, no shorter."""
    if k < FEWEST_PLACES:
        return picks
    level: Fallback = question.level if question.level != "popular" else "segment"
    slots = placement.arrivals * max(1, k // 10)
    new = _picks(question.arrivals, "new_arrivals", level)[:slots]
    chosen = {pick.item for pick in new}
    others = [pick for pick in picks if pick.item not in chosen]
    for at, pick in enumerate(new):
        others.insert(int((at + 0.5) * k / len(new)), pick)
    return others[:k]


def level_of(picks: list[ScoredItem]) -> Fallback:
    """The lowest rung of the ladder that the list had to step down to."""
    return max({pick.level for pick in picks}, key=LEVELS.index, default="popular")


def _fallback_levels(
    engine: Engine, placement: Placement, question: QueryContext, k: int
) -> Iterator[list[ScoredItem]]:
    yield _from_sources(engine, placement, question, k)
    if not placement.fills:
        return
    # Up to k of them may stand in the list already.
    yield _picks(category_popular(engine, question, 2 * k), "category_popular", "segment")
    yield _picks(segment_popular(engine, question, 2 * k), "segment_popular", "segment")
    yield _picks(popular(engine, question, 2 * k), "popular", "popular")
    yield _rest(engine, question, k)


def _from_sources(engine: Engine, placement: Placement, question: QueryContext, k: int) -> list[ScoredItem]:
    if placement.mix == "probability" and len(placement.sources) > 1:
        return _mixed(engine, placement.sources, question, k)
    picks: list[ScoredItem] = []
    for name in placement.sources:
        if len(picks) < k:  # a later source only fills what the earlier ones leave open; twice named stands once
            picks += _picks(SOURCES[name](engine, question, 2 * k), name, question.level)
    return picks


def _mixed(engine: Engine, names: Sequence[str], question: QueryContext, k: int) -> list[ScoredItem]:
    if all(name in engine.calibrations for name in names):
        merged = merged_by_probability(*_likely_parts(engine, names, question, k))
    else:
        merged = interleaved([SOURCES[name](engine, question, k) for name in names], engine.repeat_share)
    told = [(name, _level(name, question.level)) for name in names]
    return [ScoredItem(item, score, *told[part]) for item, score, part in merged[:k]]


def _likely_parts(
    engine: Engine, names: Sequence[str], question: QueryContext, k: int
) -> tuple[list[Candidates], list[Doubles]]:
    """The candidates of each source and their chances; one that is unlikely to add any of the k best is not asked."""
    parts: list[Candidates] = []
    chances: list[Doubles] = []
    for name in names:
        curve = engine.calibrations[name]
        # Each part is in falling order, so whether its k-th is better tells of k candidates.
        is_settled = any(len(found) >= k and found[k - 1] >= curve.upper for found in chances)
        part = NOBODY if is_settled else SOURCES[name](engine, question, k)
        parts.append(part)
        chances.append(curve.apply(part.scores) if len(part) else NO_CHANCES)
    return parts, chances


def _picks(part: Candidates, source: str, level: Fallback) -> list[ScoredItem]:
    rung = _level(source, level)
    return [
        ScoredItem(item, score, source, rung)
        for item, score in zip(part.items.tolist(), part.scores.tolist(), strict=True)
    ]


def _level(source: str, level: Fallback) -> Fallback:
    return "popular" if source in IMPERSONAL else level


def _rest(engine: Engine, question: QueryContext, k: int) -> list[ScoredItem]:
    """Items nobody has bought yet and items newer than the bundle, the newest first."""
    allowed, few, n, order = question.allowed, question.few, engine.n_items, engine.popularity.order
    newer = np.flatnonzero(allowed[n:])[::-1] + n
    if few is None:
        older = order[allowed[order]]
    else:
        known = known_of(few, allowed, n)
        older = ranked(known, engine.popularity.weight[known], len(known)).items
    return [ScoredItem(int(item), 0.0, "catalogue", "popular") for item in (*newer[:k], *older[-k:])]
