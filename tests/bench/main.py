"""`make bench`: every speed figure from one command, each beside its budget.  A missed budget is told, not an error.

Without --home the real shop is imported and trained first, in a folder that is removed afterwards.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Annotated

import typer
from rich.console import Console

from tests.bench import lifecycle, machine
from tests.bench.budgets import Figure, show, write
from tests.bench.experiments import costs
from tests.bench.load import CLIENT, CONNECTIONS, Runs
from tests.bench.requests import BATCH, request_files, shop_of
from tests.bench.servers import NO_CACHE, NOTHING_KEPT, Server, empty, redis, served

console = Console(width=160)
LIVE_BUDGET = {
    "home": 0.45,
    "filtered": 0.20,
    "priced": 0.20,
    "discover": 0.35,
    "similar": 0.35,
    "session": 0.25,
}
STARTS = 3


@dataclass(frozen=True, slots=True)
class Bench:
    """A home that may be written to, the requests of every path, and how to run them."""

    home: Path
    folder: Path
    requests: Mapping[str, Path]
    runs: Runs

    def ratio(self, reference: Server, server: Server, path: str, name: str, budget: float | None) -> Figure:
        found = self.runs.against(reference, server, self.requests[path], self.requests["empty"])
        return Figure(name, "of empty", found.values, budget, "at least", found.detail(), found.busy)


Part = Callable[[Bench], Iterator[Figure]]


def starting(bench: Bench) -> Iterator[Figure]:
    """From the command to the first answer of /readyz."""
    busy, times = machine.quiet(bench.runs.patience_s), []
    for _ in range(STARTS):
        with served(bench.home) as server:
            times.append(server.ready_s)
    yield Figure("recsys serve until ready", "s", tuple(times), 4.0, "at most", "one worker", busy)


def cached(bench: Bench) -> Iterator[Figure]:
    """The same hundred customers again and again, from the memory of the worker."""
    with empty() as reference, served(bench.home) as server:
        yield bench.ratio(reference, server, "cached", "cached answer", 1.6)


def live(bench: Bench) -> Iterator[Figure]:
    """Every answer is made for its request: no cache, no Redis, nothing kept of earlier ones, another customer each."""
    with empty() as reference, served(bench.home, NOTHING_KEPT) as server:
        for path, budget in LIVE_BUDGET.items():
            yield bench.ratio(reference, server, path, f"live answer: {path}", budget)


def experiments(bench: Bench) -> Iterator[Figure]:
    """CPU of an answer while an experiment runs, by that without one."""
    yield from costs(bench.home, bench.requests, bench.runs, ["placements"])


def moved(bench: Bench) -> Iterator[Figure]:
    """Live answers once every customer did something that no training knows: at first sight, and asked before."""
    with empty() as reference:
        with served(bench.home, NOTHING_KEPT) as server:
            bench.runs.once(server, bench.requests["moves"])
            yield bench.ratio(reference, server, "home", "live answer: home, after an event", 0.30)
        with served(bench.home, NO_CACHE) as server:
            yield bench.ratio(reference, server, "home", "live answer: home, asked before", 0.30)


def steady(bench: Bench) -> Iterator[Figure]:
    """How long customers wait who come at half the pace the service can answer, alone and beside a training."""
    with served(bench.home, NO_CACHE) as server:
        capacity = median(rate.per_second for rate in bench.runs.rates(server, bench.requests["home"]))
        alone = [bench.runs.steady(server, bench.requests["home"], capacity / 2) for _ in range(bench.runs.pairs)]
        with lifecycle.training(bench.home):
            beside = [bench.runs.steady(server, bench.requests["home"], capacity / 2) for _ in range(bench.runs.pairs)]
    ratios = tuple(told["p99_ms"] / told["p50_ms"] for told in alone)
    detail = f"p50 {_median(alone, 'p50_ms'):.2f}, p99 {_median(alone, 'p99_ms'):.2f} ms at {capacity / 2:,.0f}/s"
    yield Figure("p99 at half of capacity, open loop", "x median", ratios, 10.0, "at most", detail)
    slower = tuple(told["p99_ms"] / _median(alone, "p99_ms") for told in beside)
    detail = f"p50 {_median(beside, 'p50_ms'):.2f}, p99 {_median(beside, 'p99_ms'):.2f} ms"
    yield Figure("p99 beside a training", "x alone", slower, 2.0, "at most", detail)


def _median(runs: list[dict[str, float]], name: str) -> float:
    return median(told[name] for told in runs)


def shared(bench: Bench) -> Iterator[Figure]:
    """Every answer from Redis, none from the memory of the worker."""
    with (
        empty() as reference,
        redis(bench.folder) as url,
        served(bench.home, {**NO_CACHE, "RECSYS_REDIS_URL": url}) as server,
    ):
        yield bench.ratio(reference, server, "cached", "answer from Redis", 1.2)


def memory(bench: Bench) -> Iterator[Figure]:
    """What a worker holds that it shares with nobody, after it has answered live for a while."""
    with served(bench.home, workers=2) as server:
        for path in ("home", "filtered", "similar"):
            bench.runs.rate(server, bench.requests[path])
        private = sorted(machine.private_mib(pid) for pid in server.workers())
    detail = "two workers, after load: " + ", ".join(f"{mib:.0f}" for mib in private) + " MiB"
    yield Figure("private memory of a second worker", "MiB", (private[-1],), 150.0, "at most", detail)


def events(bench: Bench) -> Iterator[Figure]:
    """Durable when answered: one event a request, then a hundred."""
    with empty() as reference, served(bench.home) as server:
        yield bench.ratio(reference, server, "event", "POST /v1/events, one event", 0.95)
        busy = machine.quiet(bench.runs.patience_s)
        rates = tuple(BATCH * rate.per_second for rate in bench.runs.rates(server, bench.requests["batch"]))
        yield Figure("POST /v1/events, 100 each", "events/s", rates, 120_000, "at least", "durable", busy)


PARTS: Mapping[str, Part] = {
    "start": starting,
    "cached": cached,
    "live": live,
    "experiments": experiments,
    "redis": shared,
    "memory": memory,
    "steady": steady,
    "moved": moved,  # from here on every customer has events since the bundle
    "events": events,
}


def learnt(home: Path, patience_s: float) -> Iterator[Figure]:
    """The real shop from files to a live bundle."""
    lines, busy = lifecycle.lines_of_events(), machine.quiet(patience_s)
    imported = lifecycle.imported(home)
    detail = f"{lines / imported.seconds:,.0f} lines/s, {imported.peak_gib:.2f} GiB at most"
    yield Figure(f"import of {lines:,} lines", "s", (imported.seconds,), 60.0, "at most", detail, busy)
    busy = machine.quiet(patience_s)
    trained = lifecycle.run(home, "train")
    yield Figure("train, log to live bundle", "s", (trained.seconds,), 120.0, "at most", "all models", busy)
    yield Figure("train, most memory", "GiB", (trained.peak_gib,), 3.0, "at most", "resident", busy)


def measure(home: Path | None, only: list[str], runs: Runs) -> Iterator[Figure]:
    """All figures, told as they come."""
    with tempfile.TemporaryDirectory(prefix="recsys-bench-") as name:
        folder, shop = Path(name), Path(name) / "home"
        if home is None:
            yield from learnt(shop, runs.patience_s)
        else:
            lifecycle.copied(home, shop)
        bench = Bench(shop, folder, request_files(shop_of(shop), folder, Random(0)), runs)
        for name_of_part, part in PARTS.items():
            if not only or name_of_part in only:
                yield from part(bench)


def main(
    home: Annotated[Path | None, typer.Option(help="A trained home to copy; import and train are left out.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(PARTS)}; several times for more.")] = None,
    pairs: Annotated[int, typer.Option(min=3, help="Runs of reference and path, in turns.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Length of one run.")] = 3,
    patience: Annotated[float, typer.Option(help="Longest wait for a quiet machine before a figure, seconds.")] = 60.0,
    out: Annotated[Path, typer.Option(help="Where the figures go as JSON.")] = Path("build/bench.json"),
) -> None:
    """Measure the speed of everything a shop waits for."""
    about = machine.described() | {"client": CLIENT, "connections": CONNECTIONS, "pairs": pairs, "seconds": seconds}
    console.print(*(f"{name}: {value}" for name, value in about.items()), sep="   ", highlight=False)
    figures = []
    for figure in measure(home, only or [], Runs(pairs, seconds, patience)):
        figures.append(figure)
        console.print(f"  {figure.name}: {figure.value:,.3g} {figure.unit} ({figure.detail})", highlight=False)
    show(figures, console)
    write(figures, about, out)


if __name__ == "__main__":
    typer.run(main)
