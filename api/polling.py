"""Polling: a background task that calls a function at an interval, and the stamp that tells whether a file changed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import structlog

log = structlog.get_logger()


class FileStamp(NamedTuple):
    """Changes whenever the contents of a file change."""

    changed_ns: int
    inode: int
    size: int


class Poller:
    """Calls `poll` at an interval until it is closed; a failed call is logged, and the next one follows."""

    def __init__(self, name: str, poll: Callable[[], Awaitable[None]], every_s: float) -> None:
        self._name = name
        self._poll = poll
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    def start(self, *, at_once: bool = False) -> None:
        """Starts polling in the background.  at_once: without an interval before the first call."""
        self._task = asyncio.create_task(self._run(0.0 if at_once else self._every_s))

    async def close(self) -> None:
        await ended(self._task)

    async def _run(self, wait_s: float) -> None:
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self._every_s
            try:
                await self._poll()
            except Exception:  # the error boundary of this job: a failed call must not be the last
                log.exception("look_failed", what=self._name)


async def ended(task: "asyncio.Task[None] | None") -> None:
    """Cancels the task, if there is one, and waits until it is over."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def stamp_of(file: Path) -> FileStamp | None:
    """The stamp of a file, None when there is no file."""
    try:
        status = file.stat()
    except OSError:
        return None
    return FileStamp(status.st_mtime_ns, status.st_ino, status.st_size)
