"""Reports over the whole log, such as key figures: a process of its own makes each, one at a time, at lowest priority.

A report takes seconds and hundreds of megabytes, which no worker that answers shoppers should spend.  It says nothing
of groups of a few customers, so that it may be kept for REUSE_S.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from api.errors.refused import Refused
from recsys.cli.context import UNAVAILABLE, USER_ERROR
from recsys.errors import LogUnavailable

REUSE_S = 300.0
MAX_KEPT = 32
MAX_S = 600.0
MAX_PLACES = 8  # reports that are made or wait
LOWEST = 19
COMMAND = (sys.executable, "-P", "-m", "recsys.cli")  # `-P`: no file of the current folder stands for a module

Words = tuple[str, ...]


class _Kept(NamedTuple):
    """made_at: by the clock.  stamp: of what it was made from."""

    report: bytes
    made_at: float
    stamp: object


@dataclass(slots=True)
class LogReports:
    """Makes reports and keeps the newest.  Belongs to one event loop.  clock: seconds that only rise."""

    home: Path
    clock: Callable[[], float] = time.monotonic
    _kept: dict[Words, _Kept] = field(default_factory=dict)
    _places: list[tuple[Words, bytes]] = field(
        default_factory=list
    )  # questions under way, the same once for each caller
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def read(self, words: Words, stamp: object = None) -> bytes:
        """The JSON that the command prints; that of the last REUSE_S again, as long as the stamp is the same.

        Raises the error that the command ended with.
        """
        kept = self._fresh(words, stamp)
        if kept is not None:
            return kept
        async with self._place((words, b"")):
            kept = self._fresh(words, stamp)  # made while this one waited
            return kept if kept is not None else self._keep(words, await run_command(self.home, words), stamp)

    async def ask(self, words: Words, given: bytes) -> bytes:
        """The JSON that the command prints for what it is given on standard input; nothing is kept."""
        async with self._place((words, given)):
            return await run_command(self.home, words, given)

    @asynccontextmanager
    async def _place(self, question: tuple[Words, bytes]) -> AsyncIterator[None]:
        """One's turn.  Raises Refused where MAX_PLACES others wait: whoever waits behind them gives up before."""
        if len({*self._places} - {question}) >= MAX_PLACES:
            raise Refused("too_busy", f"{MAX_PLACES} other reports come first, one after the other; ask again later")
        self._places.append(question)
        try:
            async with self._turn:
                yield
        finally:
            self._places.remove(question)

    def drop(self) -> None:
        """Forgets every report."""
        self._kept.clear()

    def _fresh(self, words: Words, stamp: object) -> bytes | None:
        kept = self._kept.get(words)
        is_fresh = kept is not None and kept.stamp == stamp and self.clock() - kept.made_at < REUSE_S
        return kept.report if kept is not None and is_fresh else None

    def _keep(self, words: Words, report: bytes, stamp: object) -> bytes:
        self._kept.pop(words, None)
        while len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[words] = _Kept(report, self.clock(), stamp)
        return report


async def run_command(home: Path, words: Words, given: bytes = b"") -> bytes:
    """What `recsys WORDS --json` prints; words after `--` are no options.  The process ends with this call, however
    that ends; it inherits the limits of threads.  given: its standard input.

    Raises Refused with the code of its error, LogUnavailable, or RuntimeError with what it printed.
    """
    end = words.index("--") if "--" in words else len(words)
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "--home",
        str(home),
        *words[:end],
        "--json",
        *words[end:],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, LOWEST)
        printed, problem = await asyncio.wait_for(process.communicate(given), MAX_S)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if process.returncode == 0:
        return printed
    code, _, message = problem.decode("utf-8", "replace").strip().rpartition("\n")[2].partition(": ")
    if process.returncode == UNAVAILABLE:
        raise LogUnavailable(message)
    if process.returncode == USER_ERROR and message:
        raise Refused(code, message)
    raise RuntimeError(f"recsys {words[0]} ended with {process.returncode}: {code}: {message}")
