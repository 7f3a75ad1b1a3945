"""Who was forgotten, by whichever worker or command: every worker looks, and drops what it still holds in memory."""

import asyncio
from collections.abc import Callable

import structlog

from api.live.user_state import UserStateReader
from api.polling import Poller
from recsys.data.store.base import Store
from recsys.data.store.identity import Tombstone
from recsys.errors import LogUnavailable

log = structlog.get_logger()

EVERY_S = 1.0


class ErasureSync:
    """Answers are right without it: they never use what was forgotten.  This is so that nothing of it lies about.

    It also tells `recent` who was forgotten, which counts while the log does not answer.
    """

    def __init__(self, store: Store, recent: UserStateReader, drop: Callable[[], None]) -> None:
        self._store = store
        self._recent = recent
        self._drop = drop
        self._seen = -1
        self._drops_left = 0
        self._watch = Poller("forgotten", self.look, EVERY_S)

    async def start(self) -> None:
        if self._store.is_local:  # another may be down, and must not hold up the start
            await self.look()
        self._watch.start(at_once=True)

    async def close(self) -> None:
        await self._watch.close()

    async def look(self) -> None:
        """Drops everything when somebody was erased or took consent back; whose it is, nobody here can tell.

        Once more at the next look: an answer that was under way may have been kept since.
        """
        try:
            found = await asyncio.to_thread(self._read)
        except LogUnavailable as error:
            log.warning("forgotten_unknown", detail=str(error))
            return
        if self._seen >= 0 and any(mark.state != "merged" for mark in found):
            self._drops_left = 2
        self._take(found)
        if self._drops_left:
            self._drops_left -= 1
            self._drop()

    def _read(self) -> list[Tombstone]:
        self._store.digest("")  # reads the key of digests, which is wanted when the log does not answer any more
        return self._store.tombstones_since(max(self._seen, 0))

    def _take(self, found: list[Tombstone]) -> None:
        self._recent.forgotten |= {mark.digest: mark.seq for mark in found}
        self._seen = max(self._seen, 0, *(mark.seq for mark in found))
