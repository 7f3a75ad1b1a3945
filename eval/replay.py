"""Asks the recommender that serves what it would have shown, as of a moment in the past."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.metrics import Lists
from recsys.arrays import DAY_MS, Floats
from recsys.ranking.placements import Placement
from recsys.ranking.query import Ask
from recsys.ranking.recommender import Recommender


@dataclass(frozen=True, slots=True)
class Shown:
    """Lists and the score of each place, (Q, K) float32; behind the end of a list it means nothing."""

    lists: Lists
    score: Floats


def shown_of(recommender: Recommender, placement: Placement, user_ids: Sequence[str], k: int) -> Shown:
    """What each of Q customers would have been shown in that placement at the moment the bundle knows: (Q, k)."""
    asked = replace(recommender, placements={"asked": placement})
    now_ms = round(recommender.engine.histories.now * DAY_MS)
    item, score = np.zeros((len(user_ids), k), np.int32), np.zeros((len(user_ids), k), np.float32)
    length = np.zeros(len(user_ids), np.int32)
    for row, user_id in enumerate(user_ids):
        picks = asked.picks(Ask(now_ms, "asked", k, user_id))
        length[row] = len(picks)
        item[row, : len(picks)] = [pick.item for pick in picks]
        score[row, : len(picks)] = [pick.score for pick in picks]
    return Shown(Lists(item, length), score)


def lists_of(recommender: Recommender, placement: Placement, user_ids: Sequence[str], k: int) -> Lists:
    """The same without the scores."""
    return shown_of(recommender, placement, user_ids, k).lists
