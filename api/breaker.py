"""Something that may be down: after a failure it is left alone, and a probe in the background finds it back."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


class Breaker:
    """`is_closed` while it works.  Belongs to one event loop.

    `probe` raises one of `failures`, or times out, while the thing is still down.  `strikes`: so many `strike`s with
    no `worked` between them are a failure; one alone may be a hiccup.
    """

    def __init__(
        self,
        name: str,
        probe: Callable[[], Awaitable[object]],
        *,
        failures: tuple[type[BaseException], ...],
        every_s: float,
        strikes: int = 1,
        on_open: Callable[[], None] = lambda: None,
        on_back: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._probe = probe
        self._failures = failures
        self._every_s = every_s
        self._strikes = strikes
        self._left = strikes
        self._on_open = on_open
        self._on_back = on_back
        self._task: asyncio.Task[None] | None = None
        self.is_closed = True

    def worked(self) -> None:
        """It did what it should: earlier strikes are forgotten."""
        self._left = self._strikes

    def strike(self, error: BaseException) -> None:
        """It was too slow once; opens when that was one time too many."""
        self._left -= 1
        if self._left <= 0:
            self.open(error)

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
            self.worked()
            self._on_back()
            log.warning("back", what=self._name)
            return
