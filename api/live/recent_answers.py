"""What a customer was shown lately by this service itself: what any worker wrote down, and what this one has yet to."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from api.live.answer_log import AnswerLogWriter
from api.observability.logging import LogOnce
from recsys.data.answer_log.recent_lists import RecentList, RecentListReader, answer_items, newest_lists
from recsys.data.store.base import Store
from recsys.errors import LogUnavailable
from recsys.time_units import DAY_MS

DAYS = 7  # what was shown before that sinks by less than a hundredth


class RecentAnswers:
    """Reads in a thread of its own, only for who asks.  Belongs to one event loop."""

    def __init__(self, store: Store, shown: AnswerLogWriter, file: RecentListReader, *, timeout_s: float) -> None:
        self._store = store
        self._shown = shown
        self._file = file
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(1, "lately")
        self._trouble = LogOnce("shown_not_read")

    async def of(self, user_id: str) -> Sequence[RecentList]:
        """The newest answers this customer got, the newest first.

        None where what was shown cannot be read in time, of who does not consent, and of before they were forgotten.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await asyncio.get_running_loop().run_in_executor(self._pool, partial(self._read, user_id))
        except (LogUnavailable, TimeoutError) as error:
            self._trouble.met(error)
            return ()
        self._trouble.ended()
        return found

    async def close(self) -> None:
        """Ends the thread, and what it reads from."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._file.close()

    def _read(self, user_id: str) -> Sequence[RecentList]:
        names, since = recent_answers(self._store, user_id)
        after = max(since, time.time_ns() // 1_000_000 - DAYS * DAY_MS)
        waiting = [one for one in self._shown.waiting(names) if one.at_ms > after]
        held = [RecentList(one.request_id, one.at_ms, answer_items(one.answer)) for one in waiting]
        return newest_lists([*held, *self._file.read(names, after)])


def recent_answers(store: Store, user_id: str) -> tuple[list[str], int]:
    """Under which ids a customer was shown what still counts, and since when (Unix ms); no id without consent.

    A home that heard nothing of an erasure holds what was shown before it.  Raises LogUnavailable.
    """
    identity = store.identity(user_id)
    if not identity.is_personal:
        return [], 0
    owner = identity.owner_id
    forgotten = identity.forgotten_seq if owner == user_id else store.identity(owner).forgotten_seq
    marks = store.tombstones_since(forgotten - 1) if forgotten else ()
    since = next((mark.at_ms for mark in marks if mark.seq == forgotten), 0)
    return [owner, *store.merged_ids(owner)], since
