"""Erasure sync: every worker polls for users erased by any worker or command, and drops what it holds in memory."""

import asyncio
from collections.abc import Callable

import structlog

from api.live.user_state import UserStateReader
from api.polling import Poller, ended
from recsys.data.store.base import Store
from recsys.data.store.identity import Tombstone
from recsys.errors import LogUnavailable

log = structlog.get_logger()

EVERY_S = 1.0
TIDY_EVERY_S = 60.0


class ErasureSync:
    """Answers are right without it, because they never use what was erased.  It removes what is left in memory.

    It also gives `user_states` the erased users, who count while the log does not answer.
    """

    def __init__(
        self,
        store: Store,
        user_states: UserStateReader,
        drop: Callable[[], None],
        *,
        tidy: Callable[[], None],
        follow: Callable[[], object],
    ) -> None:
        """tidy: finishes what erasures left, see `recsys.privacy.erasure.tidy`; it may raise LogUnavailable.

        follow: the part of it that erases from files of this host whom another one erased.
        """
        self._store = store
        self._user_states = user_states
        self._drop = drop
        self._seq = -1
        self._drops_left = 0
        self._tidy = tidy
        self._follow = follow
        self._following: asyncio.Task[None] | None = None
        self._poller = Poller("forgotten", self.reload_if_changed, EVERY_S)
        self._tidy_poller = Poller("erasures", self._tidy_now, TIDY_EVERY_S)

    async def start(self) -> None:
        if self._store.is_local:  # a remote store may be down, and must not hold up the start
            await self.reload_if_changed()
        self._poller.start(at_once=True)
        self._tidy_poller.start(at_once=True)

    async def close(self) -> None:
        await self._poller.close()
        await self._tidy_poller.close()
        await ended(self._following)

    async def reload_if_changed(self) -> None:
        """Empties all caches if a user was erased or withdrew consent, because no cache knows which entries are theirs.

        The next call empties them once more, because an answer in progress may have been cached meanwhile.
        """
        try:
            marks = await asyncio.to_thread(self._read)
        except LogUnavailable as error:
            log.warning("forgotten_unknown", detail=str(error))
            return
        if self._seq >= 0 and any(mark.is_removal for mark in marks):
            self._drops_left = 2
        if self._seq >= 0 and any(mark.state == "erased" for mark in marks):
            self._following = asyncio.create_task(self._in_thread(self._follow))
        self._take(marks)
        if self._drops_left:
            self._drops_left -= 1
            self._drop()

    async def restart(self) -> None:
        """Begins with the first tombstone again: the log is another one now."""
        self._seq = -1
        await self.reload_if_changed()

    async def _tidy_now(self) -> None:
        await self._in_thread(self._tidy)

    async def _in_thread(self, work: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(work)
        except LogUnavailable as error:
            log.warning("erasures_unfinished", detail=str(error))

    def _read(self) -> list[Tombstone]:
        self._store.digest("")  # reads the key of the digests, which is needed when the log does not answer any more
        return self._store.tombstones_since(max(self._seq, 0))

    def _take(self, marks: list[Tombstone]) -> None:
        self._user_states.forgotten |= {mark.digest: mark.seq for mark in marks}
        self._seq = max(self._seq, 0, *(mark.seq for mark in marks))
