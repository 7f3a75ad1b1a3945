"""Recent answers of a user: those in the answer log, and those that this worker has not written yet."""

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

DAYS = 7  # an item shown before that is demoted by less than 1 %


class RecentAnswers:
    """Reads in a thread of its own, only for requests that need it.  Belongs to one event loop."""

    def __init__(self, store: Store, writer: AnswerLogWriter, file: RecentListReader, *, timeout_s: float) -> None:
        self._store = store
        self._writer = writer
        self._file = file
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(1, "recent-answers")
        self._trouble = LogOnce("shown_not_read")

    async def read(self, user_id: str) -> Sequence[RecentList]:
        """The newest answers this user got, the newest first.

        None when they cannot be read in time; empty without consent; without answers from before an erasure.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await asyncio.get_running_loop().run_in_executor(self._pool, partial(self._read, user_id))
        except (LogUnavailable, TimeoutError) as error:
            self._trouble.begin(error)
            return ()
        self._trouble.end()
        return answers

    async def close(self) -> None:
        """Ends the thread, and closes the file."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._file.close()

    def _read(self, user_id: str) -> Sequence[RecentList]:
        user_ids, since = ids_and_start(self._store, user_id)
        after = max(since, time.time_ns() // 1_000_000 - DAYS * DAY_MS)
        waiting = [answer for answer in self._writer.waiting(user_ids) if answer.at_ms > after]
        unwritten = [RecentList(answer.request_id, answer.at_ms, answer_items(answer.answer)) for answer in waiting]
        return newest_lists([*unwritten, *self._file.read(user_ids, after)])


def ids_and_start(store: Store, user_id: str) -> tuple[list[str], int]:
    """The ids under which answers to a user still count, and since when (Unix ms); no id without consent.

    An answer log in another home than that of the erasure still holds earlier answers.  Raises LogUnavailable.
    """
    identity = store.identity(user_id)
    if not identity.is_personal:
        return [], 0
    owner = identity.owner_id
    forgotten = identity.forgotten_seq if owner == user_id else store.identity(owner).forgotten_seq
    marks = store.tombstones_since(forgotten - 1) if forgotten else ()
    since = next((mark.at_ms for mark in marks if mark.seq == forgotten), 0)
    return [owner, *store.merged_ids(owner)], since
