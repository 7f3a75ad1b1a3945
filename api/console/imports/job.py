"""Import job: `recsys import` in a process of its own at the lowest priority, one at a time, with limits."""

import asyncio
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import orjson

from api.live.log_reports import COMMAND, LOWEST
from recsys.atomic_file import open_private
from recsys.cli.context import OK, REFUSED
from recsys.data.uploads import MIB, Upload, UploadFolder
from recsys.errors import BadInput
from recsys.time_units import now_ms

Step = Literal["look", "try", "import"]
TIMED_OUT = -100_000
TAIL = 4_096
WORDS: Mapping[Step, str] = {"look": "looks at the file", "try": "tries the import", "import": "imports the file"}
CUT_SHORT = "It was cut short when the console ended. Start it again: what went in before is not added twice."


@dataclass(frozen=True, slots=True)
class StepState:
    """A step of an upload.  progress: words while it runs.  report: what it printed.  problem: why there is none."""

    step: Step
    is_running: bool
    progress: str = ""
    code: int | None = None
    report: Any = None
    problem: str = ""
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class JobBounds:
    """Most seconds and bytes of memory of a job."""

    seconds: float
    memory_bytes: int


@dataclass(slots=True)
class ImportJobs:
    """The jobs of one console; they end with it.  Belongs to one event loop."""

    home: Path
    uploads: UploadFolder
    bounds: JobBounds
    _running: "dict[tuple[str, Step], asyncio.Task[None]]" = field(default_factory=dict)

    def start(self, upload: Upload, step: Step, words: Sequence[str]) -> None:
        """Begins a step.  words: those after `recsys import`.  Raises BadInput while another one runs."""
        if self._running:
            raise BadInput("another file is being read at this moment: one at a time; try again when it has ended")
        key = upload.token, step
        task = asyncio.create_task(self._run(upload, step, words))
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))

    def state(self, upload: Upload, step: Step) -> StepState | None:
        """How far the step is, None before it began."""
        if (upload.token, step) in self._running:
            return StepState(step, is_running=True, progress=last_line(upload.folder / f"{step}.err"))
        end = upload.read(f"{step}.end")
        if end is None:
            has_begun = (upload.folder / f"{step}.err").exists()
            return StepState(step, is_running=False, problem=CUT_SHORT) if has_begun else None
        return self._ended(upload, step, end["code"], end["ended_ms"])

    async def close(self) -> None:
        """Ends every job."""
        tasks = [*self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, upload: Upload, step: Step, code: int, ended_ms: int) -> StepState:
        report = None
        if code in (OK, REFUSED):
            with suppress(OSError, orjson.JSONDecodeError):
                report = orjson.loads((upload.folder / f"{step}.out").read_bytes())
        problem = "" if report is not None else self._problem(upload, step, code)
        return StepState(step, is_running=False, code=code, report=report, problem=problem, ended_ms=ended_ms)

    def _problem(self, upload: Upload, step: Step, code: int) -> str:
        if code == TIMED_OUT:
            return f"It took more than {self.bounds.seconds / 60:g} minutes and was ended. Part the file in several."
        last = last_line(upload.folder / f"{step}.err").replace(f"{upload.file}", upload.name)
        if code < 0 or "allocat" in last or "MemoryError" in last:
            most = f"{self.bounds.memory_bytes / MIB:,.0f} MiB of memory"
            return f"It was ended: it may take {most}. Part the file in several, or import it with `recsys import`."
        return last.partition(": ")[2] or last or f"It ended with {code}, without a word."

    async def _run(self, upload: Upload, step: Step, words: Sequence[str]) -> None:
        for name in (f"{step}.end.json", f"{step}.out"):
            (upload.folder / name).unlink(missing_ok=True)
        with (
            open_private(upload.folder / f"{step}.out", "wb") as out,
            open_private(upload.folder / f"{step}.err", "wb") as err,
        ):
            code = await run_bounded(self.home, ("import", *words, "--json"), out, err, self.bounds)
        with suppress(OSError):  # the upload was removed meanwhile
            upload.write(f"{step}.end", {"code": code, "ended_ms": now_ms()})


async def run_bounded(home: Path, words: Sequence[str], out: IO[bytes], err: IO[bytes], bounds: JobBounds) -> int:
    """Exit code of a command that runs at the lowest priority, TIMED_OUT past its time; it ends with this call."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "--home",
        str(home),
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )
    try:
        with suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PROCESS, process.pid, LOWEST)
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (bounds.memory_bytes, bounds.memory_bytes))
        return await asyncio.wait_for(process.wait(), bounds.seconds)
    except TimeoutError:
        return TIMED_OUT
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def last_line(file: Path) -> str:
    """The last line that is not empty."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(opened.seek(0, os.SEEK_END) - TAIL, 0))
            lines = opened.read().decode("utf-8", "replace").replace("\r", "\n").strip().split("\n")
    except OSError:
        return ""
    return lines[-1].strip()
