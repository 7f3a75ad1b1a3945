"""What a worker looks at again and again, beside answering."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


class Poller:
    """Calls `look` every so many seconds until it is closed; a look that fails is told, and the next one follows."""

    def __init__(self, name: str, look: Callable[[], Awaitable[None]], every_s: float) -> None:
        self._name = name
        self._look = look
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    def start(self, *, at_once: bool = False) -> None:
        """From now on; at_once: the first look is not waited for."""
        self._task = asyncio.create_task(self._run(0.0 if at_once else self._every_s))

    async def close(self) -> None:
        await ended(self._task)

    async def _run(self, wait_s: float) -> None:
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self._every_s
            try:
                await self._look()
            except Exception:  # the rim of this job: one bad look must not be the last
                log.exception("look_failed", what=self._name)


async def ended(task: "asyncio.Task[None] | None") -> None:
    """Cancels it, if there is one, and waits until it is over."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
