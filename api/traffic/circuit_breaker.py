"""Circuit breaker around Redis and PostgreSQL: after a failure no call is made until a probe succeeds."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from api.polling import ended

log = structlog.get_logger()


class CircuitBreaker:
    """`is_closed` while calls are made.  Belongs to one event loop.

    probe: raises one of `failures`, or times out, while the service is down.  max_failures: consecutive failures that
    open the breaker, because a single slow answer may be an accident.
    """

    def __init__(
        self,
        name: str,
        probe: Callable[[], Awaitable[object]],
        *,
        failures: tuple[type[BaseException], ...],
        every_s: float,
        max_failures: int = 1,
        on_open: Callable[[], None] = lambda: None,
        on_back: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._probe = probe
        self._failures = failures
        self._every_s = every_s
        self._max_failures = max_failures
        self._failures_left = max_failures
        self._on_open = on_open
        self._on_back = on_back
        self._task: asyncio.Task[None] | None = None
        self._back_at = float("-inf")
        self.is_closed = True

    def success(self) -> None:
        """A call succeeded: earlier failures do not count any more."""
        self._failures_left = self._max_failures

    def failure(self, error: BaseException) -> None:
        """Records a timed-out call; opens the breaker after `max_failures` in a row.

        The first probe follows at once, unless the service came back a moment ago: on a busy machine a late answer
        says little.
        """
        self._failures_left -= 1
        if self._failures_left <= 0:
            now = asyncio.get_running_loop().time()
            self._open(error, wait_s=0.0 if now - self._back_at > self._every_s else self._every_s)

    def trip(self, error: BaseException) -> None:
        """Opens the breaker.  Further failures of calls already in progress change nothing."""
        self._open(error, wait_s=self._every_s)

    def _open(self, error: BaseException, *, wait_s: float) -> None:
        if not self.is_closed:
            return
        self.is_closed = False
        self._on_open()
        log.warning("down", what=self._name, error=type(error).__name__, detail=str(error)[:200])
        self._task = asyncio.create_task(self._probe_until_back(wait_s))

    async def close(self) -> None:
        """Ends the probing."""
        await ended(self._task)

    async def _probe_until_back(self, wait_s: float) -> None:
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self._every_s
            try:
                await self._probe()
            except self._failures:
                continue
            self._back_at = asyncio.get_running_loop().time()
            self.is_closed = True
            self.success()
            self._on_back()
            log.warning("back", what=self._name)
            return
