"""Something that may be down: after one failure it is left alone, and a probe in the background finds it back."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


class Breaker:
    """`is_closed` while it works.  Belongs to one event loop.

    `probe` raises one of `failures`, or times out, while the thing is still down.
    """

    def __init__(
        self,
        name: str,
        probe: Callable[[], Awaitable[object]],
        *,
        failures: tuple[type[BaseException], ...],
        every_s: float,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._probe = probe
        self._failures = failures
        self._every_s = every_s
        self._on_open = on_open
        self._task: asyncio.Task[None] | None = None
        self.is_closed = True

    def open(self, error: BaseException) -> None:
        """Leave it alone from now on.  Further failures of calls already under way change nothing."""
        if not self.is_closed:
            return
        self.is_closed = False
        self._on_open()
        log.warning("down", what=self._name, error=type(error).__name__, detail=str(error)[:200])
        self._task = asyncio.create_task(self._wait_until_back())

    async def close(self) -> None:
        """Ends the probing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _wait_until_back(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self._probe()
            except self._failures:
                continue
            self.is_closed = True
            log.warning("back", what=self._name)
            return
