"""Something that may be down: after a failure it is left alone, and a probe in the background finds it back."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from api.polling import ended

log = structlog.get_logger()


class CircuitBreaker:
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
        self._back_at = float("-inf")
        self.is_closed = True

    def worked(self) -> None:
        """It did what it should: earlier strikes are forgotten."""
        self._left = self._strikes

    def strike(self, error: BaseException) -> None:
        """It was too slow once; opens when that was one time too many.

        Then it is probed at once, unless it came back a moment ago: on a busy machine a late answer says little.
        """
        self._left -= 1
        if self._left <= 0:
            now = asyncio.get_running_loop().time()
            self._open(error, wait_s=0.0 if now - self._back_at > self._every_s else self._every_s)

    def open(self, error: BaseException) -> None:
        """Leave it alone from now on.  Further failures of calls already under way change nothing."""
        self._open(error, wait_s=self._every_s)

    def _open(self, error: BaseException, *, wait_s: float) -> None:
        if not self.is_closed:
            return
        self.is_closed = False
        self._on_open()
        log.warning("down", what=self._name, error=type(error).__name__, detail=str(error)[:200])
        self._task = asyncio.create_task(self._wait_until_back(wait_s))

    async def close(self) -> None:
        """Ends the probing."""
        await ended(self._task)

    async def _wait_until_back(self, wait_s: float) -> None:
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self._every_s
            try:
                await self._probe()
            except self._failures:
                continue
            self._back_at = asyncio.get_running_loop().time()
            self.is_closed = True
            self.worked()
            self._on_back()
            log.warning("back", what=self._name)
            return
