"""Candidates made while training, for who is most likely to come back: an answer then only chooses among them."""

import numpy as np

from recsys.arrays import Bools, Ints, top_k
from recsys.data.dataset.histories import Histories, past_purchases
from recsys.engine.candidate_cache import CandidateLists, PrecomputedCandidates, RepeatPurchases
from recsys.engine.engine import Engine
from recsys.models.registry import BUY_AGAIN
from recsys.ranking.candidates.sources import WIDE, lists_of, of_model

CUSTOMERS = 20_000  # some 10 s and 15 MB of the release; who is not among them waits half a millisecond once


def precompute_candidates(engine: Engine, listed: Bools) -> PrecomputedCandidates | None:
    """Lists for the customers seen last, as they would be found on asking; None without a blend.  listed (I,)."""
    if not engine.active_models:
        return None
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    users = latest_customers(engine.histories, CUSTOMERS)
    with threadpool_limits(limits=1, user_api="blas"):  # products so small that two threads only wait for each other
        lists = [_lists(engine, user, listed) for user in users.tolist()]
        again = [_again(engine, user) for user in users.tolist()] if BUY_AGAIN in engine.models else []
    return PrecomputedCandidates.from_lists(users, lists, tuple(engine.active_models), again)


def latest_customers(histories: Histories, most: int) -> Ints:
    """Positions of the customers with the latest events, rising.  (min(most, U),)"""
    filled = np.flatnonzero(np.diff(histories.offsets))
    if not len(filled):
        return np.empty(0, np.int32)
    last_at = np.maximum.reduceat(histories.at, histories.offsets[filled]).astype(np.float32)
    return np.sort(filled[top_k(last_at, most)]).astype(np.int32)


def _lists(engine: Engine, user: int, listed: Bools) -> CandidateLists:
    history = engine.history_at(user)
    return lists_of(engine, history, listed, WIDE)


def _again(engine: Engine, user: int) -> RepeatPurchases:
    """Sold out or not, listed or not: what may be shown is asked later."""
    history = engine.history_at(user)
    found = of_model(engine, BUY_AGAIN, history, np.ones(engine.n_items, bool), WIDE)
    times, days = past_purchases(found.items, history)
    return RepeatPurchases(found, times.astype(np.int32), days.astype(np.int32))
