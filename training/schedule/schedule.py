"""Loop of the scheduler: runs each job at its times, one after the other, and makes up for a missed time once.

Clock and sleep are parameters.  Who stands still, or is restarted, runs the latest missed time of each job and no
earlier one.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from recsys.cli.context import INTERNAL_ERROR, UNAVAILABLE
from recsys.time_units import DAY_MS
from training.schedule.cron import CronTimes
from training.schedule.limits import JobEnd
from training.schedule.state import JobState, ScheduleState

MAX_SLEEP_S = 60.0  # the clock may be set meanwhile
MAX_BACKOFF_S = 3_600.0
RETRIED = (UNAVAILABLE, INTERNAL_ERROR)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """When a job runs.  jitter_s: the most by which a start is put off; seed: of the delays, differs by machine."""

    name: str
    times: CronTimes
    jitter_s: float = 0.0
    seed: str = ""
    retries: int = 0
    retry_s: float = 60.0

    def start_ms(self, due_ms: int) -> int:
        return due_ms + self.times.jitter_ms(due_ms, f"{self.seed} {self.name}", self.jitter_s)

    def backoff_ms(self, attempts: int) -> int:
        """Exponential backoff: from the end of that attempt to the next."""
        return int(1_000 * min(self.retry_s * 2.0 ** (attempts - 1), MAX_BACKOFF_S))


@dataclass(frozen=True, slots=True)
class Start:
    """A planned start: at start_ms, for the time due_ms of the cron text."""

    start_ms: int
    due_ms: int
    plan: JobPlan


@dataclass(slots=True)
class Scheduler:
    """Runs jobs in turn.  run_job: returns when the job has ended.  sleep: returns sooner when it should stop."""

    plans: Sequence[JobPlan]
    state: ScheduleState
    run_job: Callable[[str], JobEnd]
    clock_ms: Callable[[], int]
    sleep: Callable[[float], object]
    max_sleep_s: float = MAX_SLEEP_S

    def starts(self) -> list[Start]:
        """The next start of each job, the first one first; a start in the past waits for its turn."""
        now_ms = self.clock_ms()
        return sorted((self._next(plan, now_ms) for plan in self.plans), key=lambda start: start.start_ms)

    def step(self) -> None:
        """Runs the job that is due, or sleeps until one is, max_sleep_s at most."""
        now_ms = self.clock_ms()
        self._begin_jobs(now_ms)
        start = self.starts()[0]
        if start.start_ms > now_ms:
            self.sleep(min((start.start_ms - now_ms) / 1_000, self.max_sleep_s))
        else:
            self._run(start)

    def _next(self, plan: JobPlan, now_ms: int) -> Start:
        state = self._state(plan.name, now_ms)
        due_ms = plan.times.latest(state.done_ms, now_ms)
        if due_ms is None:
            due_ms = plan.times.next_after(max(state.done_ms, now_ms))
        is_retry = due_ms == state.due_ms
        return Start(state.retry_ms if is_retry else plan.start_ms(due_ms), due_ms, plan)

    def _state(self, job: str, now_ms: int) -> JobState:
        """That of the job; a job begins now if it is new, or if its last clock was ahead."""
        state = self.state.states.get(job)
        return JobState(done_ms=now_ms) if state is None or state.done_ms > now_ms + DAY_MS else state

    def _begin_jobs(self, now_ms: int) -> None:
        for plan in self.plans:
            state = self._state(plan.name, now_ms)
            if state != self.state.states.get(plan.name):
                self.state.put(plan.name, state)

    def _run(self, start: Start) -> None:
        plan, before = start.plan, self.state.states[start.plan.name]
        attempts = before.attempts + 1 if start.due_ms == before.due_ms else 1
        if attempts > plan.retries + 1:  # the machine died in the last attempt, as in those before
            log.warning("job_given_up", extra={"job": plan.name, "attempts": attempts - 1})
            self.state.put(plan.name, replace(before, done_ms=start.due_ms, due_ms=None, attempts=0))
            return
        retry_ms = self.clock_ms() + plan.backoff_ms(attempts)
        self.state.put(plan.name, replace(before, due_ms=start.due_ms, attempts=attempts, retry_ms=retry_ms))
        end = self.run_job(plan.name)
        self.state.put(plan.name, self._after(start, attempts, end))

    def _after(self, start: Start, attempts: int, end: JobEnd) -> JobState:
        state, now_ms = self.state.states[start.plan.name], self.clock_ms()
        state = replace(state, last_end=end, ended_ms=now_ms)
        if end.ending == "stopped":  # by us: the next scheduler begins it anew
            return replace(state, attempts=attempts - 1, retry_ms=now_ms)
        if may_retry(end) and attempts <= start.plan.retries:
            return replace(state, retry_ms=now_ms + start.plan.backoff_ms(attempts))
        return replace(state, done_ms=start.due_ms, due_ms=None, attempts=0)


def may_retry(end: JobEnd) -> bool:
    """Whether another attempt may succeed: a database that was away, a fault, a process that was killed."""
    return end.ending == "exit" and (end.code in RETRIED or end.code < 0)
