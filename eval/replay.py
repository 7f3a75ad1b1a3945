"""Asks the recommender that serves what it would have shown, as of a moment in the past."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.metrics.accuracy import RankedLists
from recsys.arrays import Doubles, Floats
from recsys.data.dataset.histories import Histories
from recsys.data.events import Event
from recsys.engine.candidate_cache import CandidateCache
from recsys.ranking.placements import Placement
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class ReplayedLists:
    """Lists and the score of each place, (Q, K) float32; behind the end of a list it means nothing."""

    lists: RankedLists
    score: Floats


@dataclass(frozen=True, slots=True)
class Timed:
    """Lists, and how long each took: seconds (Q,)."""

    shown: ReplayedLists
    seconds: Doubles


@dataclass(frozen=True, slots=True)
class ReplayMoment:
    """When is asked, Unix milliseconds, and what each customer had done by then that the bundle does not know yet."""

    now_ms: int
    recent: Mapping[str, Sequence[Event]]


def timed_of(
    recommender: Recommender, placement: Placement, user_ids: Sequence[str], k: int, moment: ReplayMoment | None = None
) -> Timed:
    """What each of Q customers would have been shown in that placement: (Q, k).

    moment: default, the one at which the bundle was made.
    """
    asked = replace(recommender, placements={"asked": placement})
    then = moment or ReplayMoment(round(recommender.engine.histories.now * DAY_MS), {})
    item, score = np.zeros((len(user_ids), k), np.int32), np.zeros((len(user_ids), k), np.float32)
    length, seconds = np.zeros(len(user_ids), np.int32), np.zeros(len(user_ids))
    for row, user_id in enumerate(user_ids):
        start = time.perf_counter()
        picks = asked.scored_items(Query(then.now_ms, "asked", k, user_id, recent=then.recent.get(user_id, ())))
        seconds[row] = time.perf_counter() - start
        length[row] = len(picks)
        item[row, : len(picks)] = [pick.item for pick in picks]
        score[row, : len(picks)] = [pick.score for pick in picks]
    return Timed(ReplayedLists(RankedLists(item, length), score), seconds)


def shown_of(recommender: Recommender, placement: Placement, user_ids: Sequence[str], k: int) -> ReplayedLists:
    """The same without the time it took."""
    return timed_of(recommender, placement, user_ids, k).shown


def as_of(recommender: Recommender, now: float) -> Recommender:
    """The same release, asked with what customers had done by then (days since 1970, not after its own now)."""
    engine = recommender.engine
    # What it remembers of its customers it found with what they did later.
    then = replace(engine, histories=before(engine.histories, now), candidate_cache=CandidateCache(0))
    return replace(recommender, engine=then)


def before(histories: Histories, now: float) -> Histories:
    """The same customers with only earlier events, as of that moment."""
    kept = histories.at < now
    offsets = np.concatenate(([0], np.cumsum(kept)))[histories.offsets]
    return Histories(
        offsets=offsets,
        item=histories.item[kept],
        at=histories.at[kept],
        weight=histories.weight[kept],
        kind=histories.kind[kept],
        n_items=histories.n_items,
        now=now,
    )
