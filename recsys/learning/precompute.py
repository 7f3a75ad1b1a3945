"""Precomputed candidates: lists that training makes for the users most likely to come back."""

from collections.abc import Sequence

import numpy as np

from recsys.arrays import Bools, Ints, top_k
from recsys.data.dataset.histories import Histories
from recsys.engine.candidate_cache import PrecomputedCandidates
from recsys.engine.engine import Engine
from recsys.engine.folded_users import FoldedUsers
from recsys.models.base import Fold
from recsys.models.registry import BUY_AGAIN
from recsys.ranking.candidates.sources import WIDE, repeat_purchases, unseen_candidates
from recsys.ranking.filters.eligibility import Eligibility

MAX_USERS = 20_000  # about 10 s of training and 15 MB; any other user waits half a millisecond longer, once


def precompute_candidates(engine: Engine, listed: Bools) -> PrecomputedCandidates | None:
    """Lists for the users seen last, as a request would find them; None without a blend.  listed (I,): items."""
    if not engine.active_models:
        return None
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    users = latest_users(engine.histories, MAX_USERS)
    with threadpool_limits(limits=1, user_api="blas"):  # small products: two threads would wait for each other
        histories = [engine.history_at(user) for user in users.tolist()]
        lists = [unseen_candidates(engine, history, Eligibility(listed), WIDE) for history in histories]
        folded = _folded_users(engine, histories)
        repeats = [repeat_purchases(engine, history) for history in histories] if BUY_AGAIN in engine.models else []
    return PrecomputedCandidates.from_lists(users, lists, tuple(engine.active_models), repeats, folded)


def _folded_users(engine: Engine, histories: Sequence[Histories]) -> FoldedUsers:
    """What the models of the blend that can know it learnt from these histories when they scored them."""
    folds: dict[str, list[Fold]] = {}
    for name in engine.active_models if histories else ():
        rows = [history.fold(engine.models[name]) for history in histories]
        if None not in rows:
            folds[name] = [row for row in rows if row is not None]
    return FoldedUsers.from_folds(folds)


def latest_users(histories: Histories, most: int) -> Ints:
    """Positions of the users with the latest events, rising.  (min(most, U),)"""
    filled = np.flatnonzero(np.diff(histories.offsets))
    if not len(filled):
        return np.empty(0, np.int32)
    last_at = np.maximum.reduceat(histories.at, histories.offsets[filled]).astype(np.float32)
    return np.sort(filled[top_k(last_at, most)]).astype(np.int32)
