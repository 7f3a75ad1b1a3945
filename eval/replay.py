"""Asks the recommender that serves what it would have shown, as of a moment in the past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.metrics import Lists
from recsys.arrays import DAY_MS
from recsys.ranking.placements import Placement
from recsys.ranking.query import Ask
from recsys.ranking.recommender import Recommender


@dataclass(frozen=True, slots=True)
class Replay:
    """A recommender as it stood at the cut, and a number for every item it can name."""

    recommender: Recommender
    number_by_id: Mapping[str, int]

    @classmethod
    def of(cls, recommender: Recommender) -> "Replay":
        catalogue = recommender.catalogue
        return cls(recommender, {catalogue.item_id(at): at for at in range(catalogue.n_items)})

    def lists(self, placement: Placement, user_ids: Sequence[str], k: int) -> Lists:
        """What each of Q customers would have been shown in that placement, (Q, k)."""
        asked = replace(self.recommender, placements={"asked": placement})
        now_ms = round(self.recommender.engine.histories.now * DAY_MS)
        item = np.zeros((len(user_ids), k), np.int32)
        length = np.zeros(len(user_ids), np.int32)
        for row, user_id in enumerate(user_ids):
            answer = asked.recommend(Ask(now_ms, "asked", k, user_id))
            length[row] = len(answer.items)
            item[row, : length[row]] = [self.number_by_id[shown.item_id] for shown in answer.items]
        return Lists(item, length)
