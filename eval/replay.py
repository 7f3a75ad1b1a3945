"""Replay of a release: the lists that the serving recommender would have shown at a moment in the past."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from eval.metrics.ranked_lists import RankedLists
from recsys.arrays import AnyArray, Doubles, Floats
from recsys.data.dataset.histories import Histories
from recsys.data.events import Event
from recsys.engine.candidate_cache import CandidateCache
from recsys.engine.unnumbered_events import UnnumberedEvents
from recsys.ranking.placements import Placement
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class ReplayedLists:
    """Lists and the score of each place, (Q, K) float32; scores behind the end of a list are not used.

    seconds (Q,): for each list; None for a baseline, which is not served.
    """

    lists: RankedLists
    score: Floats
    seconds: Doubles | None = None

    @classmethod
    def from_rows(
        cls, rows: Sequence[tuple[AnyArray, AnyArray]], k: int, seconds: Doubles | None = None
    ) -> "ReplayedLists":
        """One list per row: its items and their scores, k at most."""
        score = np.zeros((len(rows), k), np.float32)
        for at, (_, scores) in enumerate(rows):
            score[at, : len(scores)] = scores
        return cls(RankedLists.from_rows([items for items, _ in rows], k), score, seconds)


def replay(
    recommender: Recommender,
    placement: Placement,
    user_ids: Sequence[str],
    k: int,
    now_ms: int | None = None,
    recent: Mapping[str, Sequence[Event]] = MappingProxyType({}),
) -> ReplayedLists:
    """The list that each of Q customers would have been shown in that placement: (Q, k).

    now_ms: moment of the query, Unix milliseconds; default, the one at which the bundle was made.  recent: by customer
    the events until then that the bundle does not know.
    """
    replayed = replace(recommender, placements={"replayed": placement})
    at_ms = now_ms if now_ms is not None else round(recommender.engine.histories.now * DAY_MS)
    rows, seconds = [], np.zeros(len(user_ids))
    for row, user_id in enumerate(user_ids):
        start = time.perf_counter()
        scored = replayed.scored_items(Query(at_ms, "replayed", k, user_id, recent=recent.get(user_id, ())))
        seconds[row] = time.perf_counter() - start
        rows.append((np.array([each.item for each in scored]), np.array([each.score for each in scored])))
    return ReplayedLists.from_rows(rows, k, seconds)


def as_of(recommender: Recommender, now: float) -> Recommender:
    """The same release with the events of customers until that moment (days since 1970, not after its own now)."""
    engine = recommender.engine
    # The candidates in its cache were found with later events: the copy begins with an empty cache.
    earlier = replace(
        engine,
        histories=histories_before(engine.histories, now),
        unnumbered_events=UnnumberedEvents(),
        candidate_cache=CandidateCache(0),
    )
    return replace(recommender, engine=earlier)


def histories_before(histories: Histories, now: float) -> Histories:
    """The same customers with only the events before that moment."""
    kept = histories.at < now
    return replace(
        histories,
        offsets=np.concatenate(([0], np.cumsum(kept)))[histories.offsets],
        item=histories.item[kept],
        at=histories.at[kept],
        weight=histories.weight[kept],
        kind=histories.kind[kept],
        now=now,
    )
