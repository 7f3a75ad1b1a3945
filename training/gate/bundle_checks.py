"""Checks of the published files themselves: whether they answer at all, and the end of their data."""

from collections.abc import Iterator

import numpy as np

from eval.replay import as_of, replay
from recsys.bundle import Manifest
from recsys.data.dataset.snapshot import Snapshot
from recsys.engine.engine import Engine
from recsys.gate.verdict import Check
from recsys.ranking.recommender import Recommender
from recsys.time_units import DAY_MS, date

PLACEMENTS = ("home", "discover", "buy-again")
TOLERANCE_DAYS = 1.0  # events of the last day may be of items or kinds that nothing is learnt from
LIST_LENGTH = 10


def end_of_data(manifest: Manifest, engine: Engine, snapshot: Snapshot, live: Manifest | None) -> Iterator[Check]:
    """What it was learnt from ends where the log ends, and no earlier than what the live release knows."""
    if (manifest.log_id, manifest.log_seq) != (snapshot.log_id, snapshot.log_seq):
        words = f"it was learnt from the log up to number {manifest.log_seq:,}, and the log goes on to"
        yield Check(name="stale", result="failed", words=f"{words} {snapshot.log_seq:,}: these are old data")
    last = _last_event(engine)
    if max(abs(manifest.now - snapshot.last_at), snapshot.last_at - last) > TOLERANCE_DAYS:
        words = f"its last event is of {date(last)}, the last one of the log of {date(snapshot.last_at)}"
        yield Check(name="stale", result="failed", words=f"{words}: these are old data")
    elif live is not None and live.now - manifest.now > TOLERANCE_DAYS:
        words = f"its data end on {date(manifest.now)}, those of the live release on {date(live.now)}"
        yield Check(name="stale", result="failed", words=f"{words}: something is missing at the end")
    else:
        yield Check(name="stale", result="passed", words=f"its data end where the log ends, on {date(manifest.now)}")


def answers(recommender: Recommender, n_customers: int, earlier: float, rng: np.random.Generator) -> Check:
    """Whether these customers get lists, now and as of weeks earlier, without an error and without an empty one."""
    users = recommender.engine.users
    drawn = np.sort(rng.permutation(len(users))[:n_customers])
    user_ids = [users[int(user)] for user in drawn]
    try:
        empty = sum(_n_empty(recommender, user_ids) for recommender in (recommender, as_of(recommender, earlier)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the shop must not get it
        words = f"it cannot answer: {type(error).__name__}: {error}"
        return Check(name="answers", result="failed", words=words)
    if empty:
        return Check(name="answers", result="failed", words=f"{empty:,} lists of {len(user_ids):,} customers are empty")
    return Check(name="answers", result="passed", words=f"it answers {len(user_ids):,} customers and their pages")


def _n_empty(recommender: Recommender, user_ids: list[str]) -> int:
    """Lists without an item among those of the home page, which is always filled; the others may be short."""
    lists = {
        name: replay(recommender, recommender.placements[name], user_ids, LIST_LENGTH).lists for name in PLACEMENTS
    }
    return int(np.count_nonzero(lists["home"].length == 0))


def _last_event(engine: Engine) -> float:
    unnumbered = engine.unnumbered_events.at_ms.max(initial=np.iinfo(np.int64).min) / DAY_MS
    return max(float(engine.histories.at.max(initial=-np.inf)), float(unnumbered))
