"""Metrics of jobs: from the runs of the store, read rarely, the same in every worker."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from api.observability.job_metrics import EVERY_S, JobMetrics
from recsys.data.run_process import process_name
from recsys.data.runs import RunRecord
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.errors import LogUnavailable
from recsys.time_units import DAY_MS, now_ms

TRAINED = RunRecord("a", "train", "cron", 1_000, alive_ms=61_000, ended_ms=61_000, verdict="promoted", wall_s=60.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path, None)) as store:
        yield store


def series(metrics: JobMetrics) -> dict[str, float]:
    lines = (line for line in metrics.exposition().decode().splitlines() if not line.startswith("#"))
    return {
        name.removeprefix("recsys_job_"): float(value) for name, _, value in (line.rpartition(" ") for line in lines)
    }


def test_a_job_shows_its_last_success_duration_and_verdict(store: Store) -> None:
    store.put_run(TRAINED)
    failed = replace(TRAINED, run_id="b", started_ms=90_000, ended_ms=95_000, wall_s=5.0, verdict="failed")
    store.put_run(failed)
    store.put_run(RunRecord("c", "train", "cron", now_ms(), process_name(), now_ms()))
    shown = series(JobMetrics(store))
    assert shown['last_success_timestamp_seconds{name="train"}'] == 61.0
    assert shown['last_end_timestamp_seconds{name="train"}'] == 95.0
    assert shown['last_duration_seconds{name="train"}'] == 5.0
    assert shown['running{name="train"}'] == 1.0
    verdicts = {name: value for name, value in shown.items() if name.startswith("last_verdict")}
    assert [name for name, value in verdicts.items() if value] == ['last_verdict{name="train",verdict="failed"}']
    assert len(verdicts) == 8


def test_a_job_that_never_succeeded_has_a_success_at_zero(store: Store) -> None:
    store.put_run(replace(TRAINED, verdict="failed"))
    assert series(JobMetrics(store))['last_success_timestamp_seconds{name="train"}'] == 0


def test_a_run_of_a_clock_that_ran_ahead_hides_no_later_failure(store: Store) -> None:
    ahead_ms = now_ms() + 400 * DAY_MS
    store.put_run(replace(TRAINED, run_id="ahead", started_ms=ahead_ms, ended_ms=ahead_ms))
    store.put_run(replace(TRAINED, verdict="failed"))
    shown = series(JobMetrics(store))
    assert shown['last_verdict{name="train",verdict="failed"}'] == 1.0
    assert shown['last_success_timestamp_seconds{name="train"}'] == 0


def test_a_run_that_died_is_a_verdict(store: Store) -> None:
    store.put_run(RunRecord("a", "train", "cron", 1, alive_ms=2))
    shown = series(JobMetrics(store))
    assert shown['last_verdict{name="train",verdict="died"}'] == 1.0
    assert shown['running{name="train"}'] == 0.0


def test_the_store_is_read_rarely_and_may_be_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    metrics = JobMetrics(store, clock=lambda: now[0])
    assert series(metrics) == {}
    store.put_run(TRAINED)
    now[0] = EVERY_S - 1
    assert series(metrics) == {}
    now[0] = EVERY_S
    before = series(metrics)
    assert before['last_duration_seconds{name="train"}'] == 60.0

    def fail() -> list[str]:
        raise LogUnavailable("away")

    monkeypatch.setattr(store, "run_jobs", fail)
    now[0] = 3 * EVERY_S
    assert series(metrics) == before


def test_key_figures_outside_their_bands_are_shown(store: Store) -> None:
    watched = {"revenue": True, "orders": False}
    store.put_run(replace(TRAINED, job="kpis", verdict="alarm", result={"watched_figures": watched}))
    shown = series(JobMetrics(store))
    assert shown['kpi_outside_band{figure="revenue"}'] == 1.0
    assert shown['kpi_outside_band{figure="orders"}'] == 0.0
