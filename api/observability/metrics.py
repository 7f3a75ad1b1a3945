"""Metrics of the service for Prometheus.  No label is a customer or an item.

With several workers `recsys serve` sets PROMETHEUS_MULTIPROC_DIR, and any of them answers /metrics for all.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from api.observability.allocated_metrics import allocate_metrics

MULTIPROC_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
LIVE = "recsys_model_live"
PARTS = ("log", "redis", "registry")
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """All counters of one worker, in a registry of their own."""

    def __init__(self, multiproc_dir: str | None = None) -> None:
        """`multiproc_dir`: what PROMETHEUS_MULTIPROC_DIR was when prometheus_client was imported."""
        self._multiproc_dir = multiproc_dir
        allocate_metrics()
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("recsys_requests", "Requests", ("route", "status"), registry=registry)
        self.latency = Histogram(
            "recsys_request_seconds", "Time to answer", ("route",), registry=registry, buckets=_SECONDS
        )
        self.cache = Counter("recsys_answers", "Answers by where they came from", ("source",), registry=registry)
        self.fallback = Counter(
            "recsys_fallback", "Answers by step of the fallback ladder", ("step",), registry=registry
        )
        self.shed = Counter(
            "recsys_shed", "Lists not made for their customer for lack of time", ("why",), registry=registry
        )
        self.events = Counter("recsys_events", "Events received", ("verdict",), registry=registry)
        self.commit = Histogram(
            "recsys_log_commit_seconds", "Time until events were durable", registry=registry, buckets=_SECONDS
        )
        self.down = Counter("recsys_breaker_opened", "Times something was found down", ("what",), registry=registry)
        self.is_down = Gauge(
            "recsys_down", "1 while it is left alone", ("what",), registry=registry, multiprocess_mode="livemax"
        )
        self.stale = Counter(
            "recsys_stale_reads", "Answers from the last known state, the log being down", registry=registry
        )
        self.answers_logged = Counter(
            "recsys_shown",
            "Answers written down, or dropped because the file was too slow",
            ("outcome",),
            registry=registry,
        )
        self._add_release_metrics()
        self._add_canary_metrics()
        self._add_experiment_metrics()
        self._create_series()
        self._count_events: dict[str, Callable[[float], None]] = {}
        self._count_lists: dict[tuple[str, str], tuple[Callable[[], None], Callable[[], None]]] = {}
        self._observers: dict[tuple[str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def _add_release_metrics(self) -> None:
        registry = self.registry
        self.refused = Counter("recsys_bundles_refused", "Live bundles that could not be taken", registry=registry)
        self.untrusted = Counter(
            "recsys_bundles_untrusted", "Those of them that no trusted key had signed", registry=registry
        )
        self.rules_refused = Counter(
            "recsys_rules_refused", "Files of rules that could not be taken", registry=registry
        )
        self.live = Gauge(
            LIVE,
            "Workers serving that version",
            ("version",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.made_at = Gauge(
            "recsys_model_made_timestamp_seconds", "When the served model was made", registry=registry,
            multiprocess_mode="livemostrecent",
        )  # fmt: skip

    def _add_canary_metrics(self) -> None:
        registry = self.registry
        self.canary_answers = Counter(
            "recsys_canary_answers",
            "Lists of customers while a canary runs",
            ("arm", "outcome"),
            registry=registry,
        )
        self.canaries_back = Counter("recsys_canaries_back", "Canaries that a guardrail ended", registry=registry)
        self.canary_share = Gauge(
            "recsys_canary_share", "Percent of the customers that get a canary, 0 without one", registry=registry,
            multiprocess_mode="livemax",
        )  # fmt: skip
        self.canary_until = Gauge(
            "recsys_canary_until_timestamp_seconds", "When the canary is judged at the latest, 0 without one",
            registry=registry, multiprocess_mode="livemax",
        )  # fmt: skip

    def _add_experiment_metrics(self) -> None:
        registry = self.registry
        self.experiment_answers = Counter(
            "recsys_experiment_answers",
            "Lists of the customers of an experiment",
            ("arm", "outcome"),
            registry=registry,
        )
        self.experiment_share = Gauge(
            "recsys_experiment_share", "Percent of the customers that take part in an experiment, 0 without one",
            registry=registry, multiprocess_mode="livemax",
        )  # fmt: skip

    def _create_series(self) -> None:
        """Creates the series with zeros: a rate over a missing series gives no value."""
        for part in PARTS:
            self.down.labels(part)
            self.back(part)
        for source in ("memory", "redis", "computed", "shed"):
            self.cache.labels(source)
        for reason in ("busy", "deadline"):
            self.shed.labels(reason)

    def request(self, route: str, status: int, seconds: float) -> None:
        """One request answered; `route` is the template, never the path."""
        observers = self._observers.get((route, status))
        if observers is None:
            observers = (self.requests.labels(route, str(status)).inc, self.latency.labels(route).observe)
            self._observers[route, status] = observers
        observers[0]()
        observers[1](seconds)

    def list_answered(self, source: str, level: str) -> None:
        """One list answered.  source: where it came from.  level: the fallback level that it needed."""
        counters = self._count_lists.get((source, level))
        if counters is None:
            counters = self._count_lists[source, level] = self.cache.labels(source).inc, self.fallback.labels(level).inc
        for count in counters:
            count()

    def count_events(self, verdict: str, n: int) -> None:
        """So many events received with that verdict."""
        count = self._count_events.get(verdict)
        if count is None:
            count = self._count_events[verdict] = self.events.labels(verdict).inc
        count(n)

    def opened(self, part: str) -> None:
        """The circuit breaker of that part opened."""
        self.down.labels(part).inc()
        self.is_down.labels(part).set(1)

    def back(self, part: str) -> None:
        """The circuit breaker of that part closed again."""
        self.is_down.labels(part).set(0)

    def in_service(self, version: str, made_at_ms: int, before: str | None) -> None:
        """Another release went into service in this worker."""
        if before is not None and before != version:
            self.live.labels(before).set(0)
            if self._multiproc_dir is None:
                self.live.remove(before)
        self.live.labels(version).set(1)
        self.made_at.set(made_at_ms / 1_000)

    def canary_began(self, share: float, until_ms: int) -> None:
        """A canary is in service in this worker; zeros: none is."""
        self.canary_share.set(share)
        self.canary_until.set(until_ms / 1_000)

    def exposition(self) -> bytes:
        """The text a Prometheus server reads."""
        if self._multiproc_dir is None:
            return generate_latest(self.registry)
        clear_dead_workers(Path(self._multiproc_dir))
        all_workers = CollectorRegistry()
        all_workers.register(_AllWorkers(Path(self._multiproc_dir)))
        return generate_latest(all_workers)


class _AllWorkers(Collector):
    """The metrics that all workers wrote into that folder, added up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        # A file that a worker has only just created is empty, and the library fails on it.
        files = [str(file) for file in self._folder.glob("*.db") if file.stat().st_size]
        metrics: list[Metric] = list(MultiProcessCollector.merge(files, accumulate=True))  # type: ignore[no-untyped-call]
        for metric in metrics:
            if metric.name == LIVE:  # a line for each release that no worker serves any more would stay for ever
                metric.samples = [sample for sample in metric.samples if sample.value]
        return metrics


def clear_dead_workers(folder: Path) -> None:
    """Removes the live gauges of workers that ended; their counters stay."""
    for pid in {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*.db")}:
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def metrics_from(env: Mapping[str, str]) -> Metrics:
    return Metrics(env.get(MULTIPROC_VARIABLE))
