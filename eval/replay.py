"""Asks the recommender that serves what it would have shown, as of a moment in the past."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eval.metrics import Lists
from recsys.arrays import DAY_MS
from recsys.ranking.placements import Placement
from recsys.ranking.query import Ask
from recsys.ranking.recommender import Recommender


def lists_of(recommender: Recommender, placement: Placement, user_ids: Sequence[str], k: int) -> Lists:
    """What each of Q customers would have been shown in that placement at the moment the bundle knows: (Q, k)."""
    asked = replace(recommender, placements={"asked": placement})
    now_ms = round(recommender.engine.histories.now * DAY_MS)
    item = np.zeros((len(user_ids), k), np.int32)
    length = np.zeros(len(user_ids), np.int32)
    for row, user_id in enumerate(user_ids):
        picks = asked.picks(Ask(now_ms, "asked", k, user_id))
        length[row] = len(picks)
        item[row, : len(picks)] = [pick.item for pick in picks]
    return Lists(item, length)
