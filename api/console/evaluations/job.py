"""Evaluation job: `recsys evaluate` or `recsys compare` in a process of its own, one at a time, with limits."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from api.console.imports.job import TIMED_OUT, JobBounds, last_line, run_bounded
from recsys.cli.context import OK
from recsys.errors import BadInput
from recsys.time_units import now_ms


@dataclass(frozen=True, slots=True)
class EvaluationState:
    """The last evaluation.  what: in words.  progress: while it runs.  problem: why it came to nothing."""

    what: str
    began_ms: int
    ended_ms: int | None = None
    progress: str = ""
    problem: str = ""


class EvaluationJob:
    """The evaluations of one console, one after another; they end with it.  Belongs to one event loop."""

    def __init__(self, home: Path, bounds: JobBounds) -> None:
        self._home = home
        self._bounds = bounds
        self._state: EvaluationState | None = None
        self._task: asyncio.Task[None] | None = None
        self._errors: Path | None = None

    def start(self, words: Sequence[str], what: str) -> None:
        """Begins `recsys WORDS`, whose page is kept in the home.  Raises BadInput while another one runs."""
        if self._task is not None and not self._task.done():
            raise BadInput("another evaluation runs at this moment: one at a time; try again when it has ended")
        self._state = EvaluationState(what, now_ms())
        self._task = asyncio.create_task(self._run(self._state, words))

    def state(self) -> EvaluationState | None:
        """How far the last one is, None before the first."""
        if self._state is None or self._state.ended_ms is not None or self._errors is None:
            return self._state
        return replace(self._state, progress=last_line(self._errors))

    async def close(self) -> None:
        """Ends the one that runs."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, state: EvaluationState, words: Sequence[str]) -> None:
        with TemporaryDirectory(prefix="recsys-") as folder:
            self._errors = Path(folder) / "err"
            with (Path(folder) / "out").open("wb") as out, self._errors.open("wb") as err:
                code = await run_bounded(self._home, (*words, "--json"), out, err, self._bounds)
            problem = "" if code == OK else self._problem(code, last_line(self._errors))
        self._state = replace(state, ended_ms=now_ms(), problem=problem)

    def _problem(self, code: int, last: str) -> str:
        if code == TIMED_OUT:
            return f"It took more than {self._bounds.seconds / 60:g} minutes and was ended."
        if code < 0 or "allocat" in last or "MemoryError" in last:
            return f"It was ended: it may take {self._bounds.memory_bytes / 2**20:,.0f} MiB of memory."
        return last.partition(": ")[2] or last or f"It ended with {code}, without a word."
