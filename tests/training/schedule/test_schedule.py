"""The loop over simulated time: every time of a job is run once, whatever the clock, restarts and pauses do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recsys.time_units import DAY_MS, HOUR_MS, MINUTE_MS
from training.schedule.cron import parse_cron
from training.schedule.limits import Ending, JobEnd
from training.schedule.schedule import JobPlan, Scheduler, may_retry
from training.schedule.state import JobState, ScheduleState, read_state

DONE = JobEnd(0, "exit", 1.0, 10.0)
AWAY = JobEnd(4, "exit", 1.0, 10.0)
DAILY = "30 2 * * *"


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


START = ms("2026-01-01 12:00")
Blackout = tuple[int, int]


class MemoryState(ScheduleState):
    """The same without a file: a year of a schedule is thousands of changes."""

    def put(self, job: str, state: JobState) -> None:
        self.states[job] = state


@dataclass
class World:
    """A simulated clock that stands still in blackouts, and the runs of jobs with the time they were for."""

    now: int = START
    blackouts: Sequence[Blackout] = ()
    ends: Callable[[str, int], JobEnd] = lambda job, n: DONE
    took_ms: int = 0
    runs: list[tuple[str, int]] = field(default_factory=list)

    def clock(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(1, round(seconds * 1_000))
        for begin, end in self.blackouts:
            if begin <= self.now < end:
                self.now = end

    def run(self, job: str) -> JobEnd:
        self.runs.append((job, self.now))
        self.now += self.took_ms
        return self.ends(job, sum(name == job for name, _ in self.runs))

    def scheduler(self, plans: Sequence[JobPlan], state: ScheduleState, *, max_sleep_s: float = 60.0) -> Scheduler:
        return Scheduler(plans, state, self.run, self.clock, self.sleep, max_sleep_s)


def memory(**states: JobState) -> MemoryState:
    return MemoryState(Path("nowhere"), dict(states))


def plan(cron: str = DAILY, zone: str = "UTC", name: str = "train", **fields: Any) -> JobPlan:
    return replace(JobPlan(name, parse_cron(cron, zone)), **fields)


def live(world: World, plans: Sequence[JobPlan], state: ScheduleState, until: int, *, restarts_every: int = 0) -> None:
    """Steps until that moment; a new scheduler over the same state after every so many steps."""
    scheduler, n = world.scheduler(plans, state, max_sleep_s=3 * 24 * 3_600), 0
    while world.now < until:
        scheduler.step()
        n += 1
        if restarts_every and n % restarts_every == 0:
            scheduler = world.scheduler(plans, memory(**scheduler.state.states), max_sleep_s=3 * 24 * 3_600)


def made_up(times: Sequence[int], blackouts: Sequence[Blackout]) -> list[int]:
    """When each time is run: those within one pause together, once, at its end."""
    return sorted({next((end for begin, end in blackouts if begin <= at < end), at) for at in times})


YEARS = {
    "zone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"]),
    "minutes": st.integers(0, 24 * 60 - 1),
    "pauses": st.lists(st.tuples(st.integers(0, 364 * 24), st.integers(1, 60)), max_size=30),
    "restarts_every": st.integers(0, 7),
}


@settings(max_examples=4)
@given(**YEARS)
@example(zone="Europe/Berlin", minutes=150, pauses=[], restarts_every=1)
@example(zone="America/New_York", minutes=150, pauses=[(h, 1) for h in range(0, 364 * 24, 400)], restarts_every=3)
def test_a_daily_job_runs_once_a_day_for_a_year_whatever_the_zone_restarts_and_pauses(
    zone: str, minutes: int, pauses: list[tuple[int, int]], restarts_every: int
) -> None:
    blackouts = joined([(START + at * HOUR_MS, START + (at + hours) * HOUR_MS) for at, hours in pauses])
    world, until = World(blackouts=blackouts), START + 365 * DAY_MS
    daily = plan(f"{minutes % 60} {minutes // 60} * * *", zone)
    live(world, [daily], memory(train=JobState(START)), until, restarts_every=restarts_every)
    times = list(daily.times.times(START, until + DAY_MS))
    assert [at for _, at in world.runs if at < until] == [at for at in made_up(times, blackouts) if at < until]


@pytest.mark.slow
@given(**YEARS)
def test_the_same_for_many_more_years(
    zone: str, minutes: int, pauses: list[tuple[int, int]], restarts_every: int
) -> None:
    law = test_a_daily_job_runs_once_a_day_for_a_year_whatever_the_zone_restarts_and_pauses
    law.hypothesis.inner_test(zone, minutes, pauses, restarts_every)  # type: ignore[attr-defined]


def joined(blackouts: list[Blackout]) -> list[Blackout]:
    """The same without overlaps."""
    result: list[Blackout] = []
    for begin, end in sorted(blackouts):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return result


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_without_long_pauses_a_year_has_as_many_runs_as_days(zone: str) -> None:
    world = World(blackouts=[(START + d * DAY_MS, START + d * DAY_MS + 20 * HOUR_MS) for d in range(3, 360, 5)])
    live(world, [plan(zone=zone)], memory(train=JobState(START)), START + 365 * DAY_MS, restarts_every=2)
    assert len(world.runs) == 365


def test_of_the_times_missed_while_the_machine_was_off_only_the_last_is_made_up_for() -> None:
    world = World(now=START + 5 * DAY_MS)
    live(world, [plan()], memory(train=JobState(START)), START + 5 * DAY_MS + HOUR_MS)
    assert world.runs == [("train", START + 5 * DAY_MS)]


def test_a_new_job_begins_with_its_next_time() -> None:
    world, state = World(), memory()
    live(world, [plan()], state, START + DAY_MS)
    assert world.runs == [("train", ms("2026-01-02 02:30"))]
    assert state.states["train"].done_ms == ms("2026-01-02 02:30")


def test_jobs_run_one_after_the_other_in_the_order_of_their_times() -> None:
    world = World(took_ms=50 * MINUTE_MS)
    plans = [plan("*/10 * * * *", name="refresh"), plan("30 3 * * *")]
    live(world, plans, memory(), START + DAY_MS)
    starts = [at for _, at in world.runs]
    assert all(after - before >= world.took_ms for before, after in pairwise(starts))
    assert [name for name, _ in world.runs].count("train") == 1
    train = next(at for name, at in world.runs if name == "train")
    assert train < ms("2026-01-02 03:30") + 2 * world.took_ms


@pytest.mark.parametrize("end", [AWAY, JobEnd(5, "exit", 1.0, 1.0), JobEnd(-9, "exit", 1.0, 1.0)])
def test_a_job_that_did_not_get_through_is_tried_again_with_exponential_backoff(end: JobEnd) -> None:
    world = World(ends=lambda job, n: end)
    live(world, [plan(retries=3, retry_s=60)], memory(), START + DAY_MS)
    first = ms("2026-01-02 02:30")
    assert [at - first for _, at in world.runs] == [0, MINUTE_MS, 3 * MINUTE_MS, 7 * MINUTE_MS]


def test_a_job_that_gets_through_at_last_is_done() -> None:
    world, state = World(ends=lambda job, n: AWAY if n < 3 else DONE), memory()
    live(world, [plan(retries=3)], state, START + DAY_MS)
    assert len(world.runs) == 3
    assert state.states["train"] == JobState(
        ms("2026-01-02 02:30"), None, 0, state.states["train"].retry_ms, DONE, ms("2026-01-02 02:33")
    )


@pytest.mark.parametrize(
    ("code", "ending"), [(0, "exit"), (1, "exit"), (2, "exit"), (6, "exit"), (-9, "memory"), (-15, "time")]
)
def test_a_job_that_would_end_in_the_same_way_is_not_tried_again(code: int, ending: Ending) -> None:
    assert not may_retry(JobEnd(code, ending, 1.0, 1.0))
    world = World(ends=lambda job, n: JobEnd(code, ending, 1.0, 1.0))
    live(world, [plan(retries=3)], memory(), START + DAY_MS)
    assert len(world.runs) == 1


def test_the_next_time_ends_the_retries_of_the_one_before() -> None:
    world = World(ends=lambda job, n: AWAY)
    live(world, [plan("0 * * * *", retries=50, retry_s=20 * 60)], memory(), START + 3 * HOUR_MS + MINUTE_MS)
    assert [(at - START) // MINUTE_MS for _, at in world.runs] == [60, 80, 120, 140, 180]


def test_a_job_that_was_stopped_with_the_scheduler_begins_anew_with_the_next_one() -> None:
    world, state = World(ends=lambda job, n: JobEnd(-15, "stopped", 1.0, 1.0)), memory()
    scheduler = world.scheduler([plan(retries=1)], state, max_sleep_s=DAY_MS)
    while not world.runs:
        scheduler.step()
    world.ends = lambda job, n: AWAY
    live(world, [plan(retries=1)], memory(**state.states), START + DAY_MS)
    assert len(world.runs) == 3  # the stopped one is none of the two attempts
    assert world.runs[1][1] == world.runs[0][1]


def test_a_job_that_takes_the_machine_down_is_given_up_after_its_attempts() -> None:
    class PowerCut(Exception):
        pass

    def cut(job: str, n: int) -> JobEnd:
        raise PowerCut

    world, state = World(ends=cut), memory()
    for _ in range(10):
        with pytest.raises(PowerCut) if len(world.runs) < 3 else pytest.MonkeyPatch.context():
            live(world, [plan(retries=2)], state, ms("2026-01-02 20:00"))
    assert len(world.runs) == 3
    assert state.states["train"].done_ms == ms("2026-01-02 02:30")


def test_a_clock_that_is_put_back_repeats_no_time() -> None:
    world, state = World(), memory()
    live(world, [plan("0 * * * *")], state, START + 3 * HOUR_MS + MINUTE_MS)
    world.now -= 2 * HOUR_MS
    live(world, [plan("0 * * * *")], state, START + 5 * HOUR_MS + MINUTE_MS)
    assert [(at - START) // HOUR_MS for _, at in world.runs] == [1, 2, 3, 4, 5]


def test_a_clock_that_was_a_year_ahead_stops_no_job_for_a_year() -> None:
    world, state = World(now=START + 365 * DAY_MS), memory()
    live(world, [plan()], state, START + 366 * DAY_MS)
    world.now, world.runs = START, []
    live(world, [plan()], state, START + 2 * DAY_MS)
    assert [at for _, at in world.runs] == [ms("2026-01-02 02:30"), ms("2026-01-03 02:30")]


def test_jitter_puts_a_start_off_and_skips_none() -> None:
    world = World()
    live(world, [plan("*/10 * * * *", jitter_s=3_600, seed="a")], memory(), START + DAY_MS)
    delays = [at % (10 * MINUTE_MS) for _, at in world.runs]
    assert len(world.runs) in (143, 144)
    assert max(delays) < 5 * MINUTE_MS
    assert len(set(delays)) > 100


def test_a_sleep_is_never_longer_than_a_minute_because_the_clock_may_be_set() -> None:
    world = World()
    world.scheduler([plan()], memory()).step()
    assert world.now == START + MINUTE_MS


def test_the_state_survives_a_restart(tmp_path: Path) -> None:
    world = World(ends=lambda job, n: AWAY)
    live(world, [plan(retries=1)], read_state(tmp_path), START + 2 * DAY_MS)
    state = read_state(tmp_path).states["train"]
    assert state.done_ms == ms("2026-01-03 02:30")
    assert state.last_end == AWAY
    live(world, [plan(retries=1)], read_state(tmp_path), START + 3 * DAY_MS)
    assert len(world.runs) == 6


@pytest.mark.parametrize("text", ["", "[]", '{"train": 3}', '{"train": {"x": 1}}', "\x00"])
def test_a_damaged_state_begins_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "schedule.json").write_text(text)
    assert read_state(tmp_path).states == {}


def test_a_schedule_goes_on_where_its_state_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    world = World()
    live(world, [plan()], read_state(tmp_path), START + 2 * DAY_MS)
    assert len(world.runs) == 2
    assert "schedule_not_saved" in caplog.messages
