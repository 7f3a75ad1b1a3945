"""Command `recsys schedule`: runs the jobs of a shop at their times, in processes of their own."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import GATE_REFUSED, NOTHING_NEW, OK, USER_ERROR, CliContext
from recsys.cli.output import AsJson, print_json, print_table
from recsys.errors import BadInput
from recsys.time_units import now_ms

if TYPE_CHECKING:
    from training.schedule.limits import JobEnd
    from training.schedule.schedule import JobPlan, Scheduler
    from training.schedule.settings import ScheduleSettings

STANDBY_S = 5.0
N_SHOWN = 3
ENDINGS = {OK: "done", NOTHING_NEW: "done, nothing new", GATE_REFUSED: "done, the gate rejected the release"}
SIGNAL_CODE = 128  # added to the number of a signal, as shells do


def schedule(
    ctx: typer.Context,
    once: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="Run this job now, within its limits, and end.", show_default=False),
    ] = None,
    shows_next: Annotated[bool, typer.Option("--next", "--dry-run", help="Show when each job runs next, and end.")] = (
        False
    ),
    as_json: AsJson = False,
) -> None:
    """Run the jobs of the shop at their times, until it is stopped: training, checks and sweeps.

    Each job is a command of its own, such as recsys train, within limits of time and memory. A time that was missed is
    made up for, once. Settings: the table schedule of recsys.toml. With --json, each job that ends is one JSON line.

    Example: [bold]recsys schedule --next[/]
    """
    from training.schedule.settings import ScheduleSettings

    context: CliContext = ctx.obj
    context.existing_store().close()
    settings = ScheduleSettings.load(context.file)
    if once is not None:
        raise typer.Exit(_run_once(context, settings, once, as_json=as_json))
    with _stop_signal() as stopping:
        scheduler = _scheduler(context, settings, stopping, as_json=as_json)
        if shows_next:
            _show_next(scheduler, as_json=as_json)
        else:
            _run(context, scheduler, stopping)


def _scheduler(context: CliContext, settings: "ScheduleSettings", stopping: Event, *, as_json: bool) -> "Scheduler":
    from training.schedule.plans import job_plans
    from training.schedule.schedule import Scheduler
    from training.schedule.state import read_state

    plans = job_plans(settings, context.home)
    if not plans:
        raise BadInput("every job is off; give one a cron text in [schedule.JOB] of recsys.toml")
    return Scheduler(
        plans,
        read_state(context.home),
        lambda job: _run_job(context, settings, job, stopping, cause="schedule", as_json=as_json),
        now_ms,
        stopping.wait,
    )


def _run(context: CliContext, scheduler: "Scheduler", stopping: Event) -> None:
    """Runs until it should stop; waits while another scheduler of the home runs."""
    from training.schedule.holder import this_process
    from training.schedule.job_lock import FileJobLock
    from training.schedule.state import read_state

    lock = FileJobLock(context.home / "run" / "schedule.lock")
    if lock.take(this_process("schedule"), 0) is None:
        _say(f"stands by: {lock.holder() or 'another process'} runs the jobs of this home")
        while lock.take(this_process("schedule"), 0) is None:
            if stopping.wait(STANDBY_S):
                return
        scheduler.state = read_state(context.home)
    first = scheduler.starts()[0]
    names = ", ".join(plan.name for plan in scheduler.plans)
    _say(f"jobs: {names}; next: {first.plan.name} at {_local(first.plan, first.start_ms)}")
    while not stopping.is_set():
        scheduler.step()
    lock.release(0)
    _say("stopped")


def _run_once(context: CliContext, settings: "ScheduleSettings", job: str, *, as_json: bool) -> int:
    from recsys.config import spelling_hint
    from training.schedule.jobs import JOBS_BY_NAME

    if job not in JOBS_BY_NAME:
        raise BadInput(f"{job} is no job; {spelling_hint(job, JOBS_BY_NAME)}")
    with _stop_signal() as stopping:
        end = _run_job(context, settings, job, stopping, cause=None, as_json=as_json)
    if end.ending != "exit":
        return USER_ERROR
    return end.code if end.code >= OK else SIGNAL_CODE - end.code


def _run_job(
    context: CliContext, settings: "ScheduleSettings", job: str, stopping: Event, *, cause: str | None, as_json: bool
) -> "JobEnd":
    from dataclasses import asdict

    from training.schedule.limits import run_limited
    from training.schedule.plans import job_command, job_limits

    _say(f"{job}: starts")
    limits, started_ms = job_limits(settings, job), now_ms()
    end = run_limited(job_command(settings, context.home, job, cause), limits, stopping.is_set)
    words = f"{_words(end)}, after {end.seconds:,.1f} s, {end.peak_mib:,.0f} MiB at most"
    _say(f"{job}: {words}")
    if end.ending != "exit" or end.code < OK:
        _end_run(context, job, end, words)
    if as_json:
        _print_line({"job": job, "started_ms": started_ms, **asdict(end)})
    return end


def _end_run(context: CliContext, job: str, end: "JobEnd", words: str) -> None:
    """A job that was killed could not say so in `recsys runs` itself."""
    from contextlib import closing, suppress

    from recsys.errors import LogUnavailable
    from recsys.jobs.notifications import Notifier
    from recsys.jobs.runs import end_killed_run

    with suppress(LogUnavailable), closing(context.existing_store()) as store:
        end_killed_run(store, job, end.pid, words, seconds=end.seconds, peak_mib=end.peak_mib)
        Notifier.load(context.file).deliver_due(store)


def _words(end: "JobEnd") -> str:
    match end.ending:
        case "time":
            return "ended, because it took longer than max_minutes"
        case "memory":
            return "killed, because it needed more than its memory (max_memory_mb)"
        case "stopped":
            return "ended with the scheduler; it begins anew with the next one"
    if end.code < 0:
        return f"killed by {signal.Signals(-end.code).name}"
    return ENDINGS.get(end.code, f"ended with exit code {end.code}")


def _show_next(scheduler: "Scheduler", *, as_json: bool) -> None:
    rows = [_row(scheduler, start.plan, start.start_ms) for start in scheduler.starts()]
    if as_json:
        print_json(rows)
        return
    columns = ("job", "cron", "time zone", "next", "last")
    print_table(columns, ((*(row[name] for name in columns[:3]), "\n".join(row["next"]), row["last"]) for row in rows))


def _row(scheduler: "Scheduler", plan: "JobPlan", start_ms: int) -> dict[str, Any]:
    state = scheduler.state.states.get(plan.name)
    starts, due_ms = [start_ms], start_ms
    while len(starts) < N_SHOWN:
        due_ms = plan.times.next_after(due_ms)
        starts.append(plan.start_ms(due_ms))
    last = "never"
    if state is not None and state.last_end is not None:
        last = f"{_local(plan, state.ended_ms or 0)}: {_words(state.last_end)}"
    return {
        "job": plan.name,
        "cron": plan.times.text,
        "time zone": str(plan.times.zone),
        "next": [_local(plan, at_ms) for at_ms in starts],
        "last": last,
    }


def _local(plan: "JobPlan", at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, plan.times.zone).isoformat(" ")


@contextmanager
def _stop_signal() -> Iterator[Event]:
    """Set by SIGTERM and Ctrl-C, which otherwise would not leave a job its time to end."""
    stopping = Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: stopping.set())
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _print_line(payload: dict[str, Any]) -> None:
    import orjson

    typer.echo(orjson.dumps(payload))
