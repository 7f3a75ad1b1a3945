"""Last use of a key: noted in memory by each request, stored once a minute."""

import asyncio

from api.auth.authentication import Authenticator
from api.polling import Poller
from recsys.data.audit import AuditTable
from recsys.errors import LogUnavailable

STORE_EVERY_S = 60.0


class KeyUses:
    """Stores when the keys of one process were last used; what cannot be stored is dropped.  Belongs to its loop."""

    def __init__(self, authenticator: Authenticator, store: AuditTable) -> None:
        self._authenticator = authenticator
        self._store = store
        self._poller = Poller("key uses", self.flush, STORE_EVERY_S)

    def start(self) -> None:
        """Stores them from now on."""
        self._poller.start()

    async def flush(self) -> None:
        """Stores what was noted since the last time; a use that is lost is noted again by the next request."""
        uses = self._authenticator.take_uses()
        if not uses:
            return
        try:
            await asyncio.to_thread(self._store.note_uses, uses)
        except LogUnavailable:
            return

    async def close(self) -> None:
        """Stores the last ones."""
        await self._poller.close()
        await self.flush()
