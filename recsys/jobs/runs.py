"""Recording of runs: a context manager around a job that keeps its run record in the store, whatever happens to it."""

import logging
import resource
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any, NoReturn

from recsys.bundle import version_name
from recsys.data.lineage import NOT_COVERED, Watermark
from recsys.data.run_process import process_name, with_deaths
from recsys.data.runs import RunRecord, RunVerdict
from recsys.data.store.base import Store
from recsys.errors import LogUnavailable, RecsysError
from recsys.jobs.notifications import CHANNELS, Notifier
from recsys.jobs.run_log import log_tail, plain_line
from recsys.progress import StepLog
from recsys.time_units import now_ms

BEAT_S = 20.0
SIGTERM_CODE = 128 + signal.SIGTERM  # as shells say it
KEPT_RUNS = 1_000  # of each job

log = logging.getLogger(__name__)


@dataclass(slots=True)
class OpenRun:
    """A run that goes on.  The job notes here what it reads, makes and decides; `run_record` stores it at the end."""

    run_id: str
    verdict: RunVerdict = "done"
    reasons: Sequence[str] = ()
    watermark: Watermark = NOT_COVERED
    data_digest: str = ""
    version: str | None = None
    result: dict[str, Any] = field(default_factory=dict)
    notifier: Notifier | None = None

    def decide(self, verdict: RunVerdict, *reasons: str) -> None:
        """Sets the verdict, with its reasons in plain words."""
        self.verdict, self.reasons = verdict, reasons


@contextmanager
def run_record(store: Store, job: str, cause: str, steps: StepLog | None = None) -> Iterator[OpenRun]:
    """Records the block as one run of the job.

    An error, Ctrl-C and SIGTERM make it "failed", with the error as its reason.  Its notifier, which the block may set,
    notifies its end.  A job does not fail because its record cannot be stored.
    """
    end_dead_runs(store)
    started_ms, usage = now_ms(), ResourceUsage()
    run = OpenRun(version_name(started_ms))
    record = RunRecord(run.run_id, job, cause, started_ms, process_name(), started_ms)
    _put(store, record)
    with _kept_alive(store, run.run_id), log_tail() as lines, _ended_by_sigterm():
        try:
            yield run
        except BaseException as error:
            run.decide("failed", describe_error(error))
            raise
        finally:
            ended_ms = max(now_ms(), started_ms)
            ended = replace(_with_outcome(record, run), ended_ms=ended_ms, alive_ms=ended_ms, log=tuple(lines))
            _put(
                store,
                replace(ended, steps=dict(steps.done) if steps else {}, **usage.as_fields()),
                CHANNELS if run.notifier else (),
            )
            with suppress(LogUnavailable):
                store.drop_runs(job, keep=KEPT_RUNS)
                if run.notifier is not None:
                    run.notifier.deliver_due(store)


def end_dead_runs(store: Store) -> list[RunRecord]:
    """Stores the end of every run whose process died; returns these runs."""
    with suppress(LogUnavailable):
        dead = [run for run in with_deaths(store.unended_runs(), now_ms=now_ms()) if run.verdict == "died"]
        for run in dead:
            store.put_run(run, CHANNELS)
        return dead
    return []


def end_killed_run(store: Store, job: str, pid: int, reason: str, *, seconds: float, peak_mib: float) -> None:
    """Stores the end, now, of the run of that process of this machine, which was killed for that reason.

    A job that was killed before it had a run gets one.
    """
    process, at_ms = f"{process_name(pid).rsplit(' ', 1)[0]} ", now_ms()
    end: dict[str, Any] = {"reasons": (reason,), "ended_ms": at_ms, "peak_mib": round(peak_mib, 1)}
    with suppress(LogUnavailable):
        runs = [run for run in store.unended_runs() if run.process.startswith(process)]
        for run in with_deaths(runs, now_ms=at_ms):
            if run.verdict == "died":
                store.put_run(replace(run, wall_s=(at_ms - run.started_ms) / 1_000, **end), CHANNELS)
        if not any(run.process.startswith(process) for run in (*runs, *store.runs())):
            began_ms = at_ms - round(seconds * 1_000)
            run = RunRecord(version_name(began_ms), job, "schedule", began_ms, process, at_ms, verdict="died")
            store.put_run(replace(run, wall_s=seconds, **end), CHANNELS)


def describe_error(error: BaseException) -> str:
    """Code and message."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped with Ctrl-C"
    if isinstance(error, SystemExit):
        return "stopped with SIGTERM" if error.code == SIGTERM_CODE else f"ended with exit code {error.code}"
    return f"{error.code if isinstance(error, RecsysError) else type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """What this process and its children used since the object was made; the peak memory since they started."""

    began: float = field(default_factory=time.monotonic)
    cpu_began: float = field(default_factory=lambda: _cpu_s())

    def as_fields(self) -> dict[str, Any]:
        """The fields wall_s, cpu_s, peak_mib of a `RunRecord`."""
        wall_s, cpu_s = time.monotonic() - self.began, _cpu_s() - self.cpu_began
        return {"wall_s": round(wall_s, 3), "cpu_s": round(cpu_s, 3), "peak_mib": round(_peak_mib(), 1)}


def _put(store: Store, run: RunRecord, due: Sequence[str] = ()) -> None:
    try:
        store.put_run(run, due)
    except LogUnavailable as error:
        log.warning("run_not_recorded", extra={"run_id": run.run_id, "error": str(error)})


def _with_outcome(record: RunRecord, run: OpenRun) -> RunRecord:
    log_id, log_seq, item_revision = run.watermark
    return replace(
        record,
        verdict=run.verdict,
        reasons=tuple(map(plain_line, run.reasons)),
        log_id=log_id,
        log_seq=log_seq,
        item_revision=item_revision,
        data_digest=run.data_digest,
        version=run.version,
        result={name: plain_line(value) if isinstance(value, str) else value for name, value in run.result.items()},
    )


@contextmanager
def _kept_alive(store: Store, run_id: str) -> Iterator[None]:
    """Signs of life from a thread, as long as the block lasts."""
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(BEAT_S):
            with suppress(LogUnavailable):
                store.keep_run_alive(run_id, now_ms())

    thread = threading.Thread(target=beat, name="run-alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM, which would end the process without a word, raises SystemExit in the main thread."""
    is_ours = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    )
    if not is_ours:
        yield
        return
    signal.signal(signal.SIGTERM, _exit_on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit_on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(SIGTERM_CODE)


def _cpu_s() -> float:
    return sum(usage.ru_utime + usage.ru_stime for usage in _usages())


def _peak_mib() -> float:
    return max(usage.ru_maxrss for usage in _usages()) / 1024


def _usages() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
