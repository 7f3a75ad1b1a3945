"""Log watch: every worker notices within a second that its log was replaced, by a copy or by a backup."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from api.polling import Poller
from recsys.data.lineage import Lineage
from recsys.data.store.base import Store
from recsys.data.store.open import notice_restore
from recsys.errors import LogUnavailable

log = structlog.get_logger()

EVERY_S = 1.0


class LogWatch:
    """`on_change` is called with the lineage when the log has another identity than at the last look."""

    def __init__(self, store: Store, home: Path, on_change: Callable[[Lineage], Awaitable[None]]) -> None:
        self._store = store
        self._home = home
        self._on_change = on_change
        self._log_id: str | None = None
        self._poller = Poller("log", self.poll, EVERY_S)

    async def start(self) -> None:
        if self._store.is_local:  # a remote store may be down, and must not hold up the start
            await self.poll()
        self._poller.start(at_once=True)

    async def close(self) -> None:
        await self._poller.close()

    async def poll(self) -> None:
        """Notes how far the log is, and calls `on_change` when it is another one.  `ErasureSync` logs its failures."""
        try:
            lineage = await asyncio.to_thread(self._read)
        except LogUnavailable:
            return
        if lineage.log_id == self._log_id:
            return
        names = [identity.log_id for identity in lineage.identities]
        log.info("log_identity", log_id=lineage.log_id, cause=lineage.current.cause, earlier=names[:-1])
        await self._on_change(lineage)
        self._log_id = lineage.log_id

    def _read(self) -> Lineage:
        self._store.refresh()
        return notice_restore(self._store, self._home)
