"""Metrics of jobs for Prometheus, from the runs in the store: every worker tells the same, so nothing is added up."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from recsys.data.run_process import with_deaths
from recsys.data.runs import WATCHED_FIGURES, RunRecord, RunTable, RunVerdict
from recsys.errors import LogUnavailable
from recsys.time_units import DAY_MS, now_ms

EVERY_S = 30.0
NEWEST = 5  # runs of a job, among which one has ended
VERDICTS = tuple(verdict for verdict in get_args(RunVerdict) if verdict != "running")


class JobMetrics:
    """The metrics of all jobs as text, read from the store at most every EVERY_S.  Any thread."""

    def __init__(self, store: RunTable, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._text = _exposition([])

    def exposition(self) -> bytes:
        """The text; where the store does not answer, that of the last time."""
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= EVERY_S:
                self._read_at = now
                with suppress(LogUnavailable):
                    self._text = _exposition(read_jobs(self._store))
            return self._text


def read_jobs(store: RunTable) -> list[tuple[str, list[RunRecord], RunRecord | None]]:
    """Each job with its newest runs and its last success; without runs of a clock that ran more than a day ahead."""
    at_ms = now_ms()
    until_ms = at_ms + DAY_MS
    return [
        (
            job,
            with_deaths(store.runs_until(until_ms, job, newest=NEWEST), now_ms=at_ms),
            store.last_success(job, until_ms),
        )
        for job in store.run_jobs()
    ]


def _exposition(jobs: Iterable[tuple[str, list[RunRecord], RunRecord | None]]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Jobs(jobs))
    return generate_latest(registry)


class _Jobs(Collector):
    """The series of these jobs."""

    def __init__(self, jobs: Iterable[tuple[str, list[RunRecord], RunRecord | None]]) -> None:
        self._jobs = list(jobs)

    def collect(self) -> Iterator[Metric]:
        success = _gauge("last_success_timestamp_seconds", "When the job last ended well; 0: never", "name")
        ended = _gauge("last_end_timestamp_seconds", "When the job last ended", "name")
        duration = _gauge("last_duration_seconds", "How long the last run took that ended", "name")
        verdict = _gauge("last_verdict", "1 for the verdict of the last run that ended", "name", "verdict")
        running = _gauge("running", "1 while the job runs", "name")
        outside = _gauge("kpi_outside_band", "1 for a key figure that the last recsys kpis found outside", "figure")
        for job, runs, last_success in self._jobs:
            success.add_metric([job], ((last_success and last_success.ended_ms) or 0) / 1_000)
            running.add_metric([job], any(run.verdict == "running" for run in runs))
            last = next((run for run in runs if run.ended_ms is not None), None)
            if last is not None and last.ended_ms is not None:
                ended.add_metric([job], last.ended_ms / 1_000)
                duration.add_metric([job], last.wall_s)
                for name in VERDICTS:
                    verdict.add_metric([job, name], last.verdict == name)
                for figure, is_outside in last.result.get(WATCHED_FIGURES, {}).items():
                    outside.add_metric([figure], is_outside)
        yield from (success, ended, duration, verdict, running, outside)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """No label is called `job`: Prometheus sets that itself."""
    return GaugeMetricFamily(f"recsys_job_{name}", text, labels=labels)
