"""Speed of `recsys export recommendations` on a real shop, beside the bare lists of the same customers.

`python -m tests.bench.bulk_export --home HOME` copies the home and adds customers who came after the training, for whom
nothing is prepared.  Beside customers a second: how many one core makes in a second of its time, which hardly depends
on what else the machine does, and the CPU time as a ratio to one process that makes the same lists, in the same run,
and neither reads a store nor writes a file.
"""

import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.export.plan import ListExport
from api.export.recommendations import ExportSummary, export_recommendations
from api.settings import ServerConfig
from recsys.data.events import Event
from recsys.data.files.destination import Destination
from recsys.data.store.base import Store
from recsys.data.store.open import open_existing_store
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender, open_recommender
from recsys.time_units import now_ms
from tests.bench import machine
from tests.bench.budgets import Figure, show

THEIR_EVENTS, K, SAMPLE = 20, 20, 1_000
CUSTOMERS_PER_S = 2_000.0

console = Console(width=160)


@dataclass(frozen=True, slots=True)
class Cost:
    """What an export took.  cpu_s: of this process and its workers."""

    summary: ExportSummary
    cpu_s: float


def with_newcomers(store: Store, recommender: Recommender, n: int) -> None:
    """Adds customers, each with the last events of one whom the release knows."""
    users = recommender.engine.users
    latest = [store.user_events(users[at], newest=THEIR_EVENTS) for at in range(len(users))]
    for first in range(0, n, 1_000):
        store.append(
            [
                event._replace(user_id=f"new-{at}", event_id=f"new-{at}-{number}", order_id=None)
                for at in range(first, min(n, first + 1_000))
                for number, event in enumerate(latest[at % len(latest)])
            ]
        )


def bare_cpu_s(recommender: Recommender, customers: Sequence[tuple[str, Sequence[Event]]]) -> float:
    """CPU seconds of one list."""
    at_ms, started = now_ms(), time.process_time()
    for user_id, recent in customers:
        recommender.recommend(Query(at_ms, "home", K, user_id, recent))
    return (time.process_time() - started) / len(customers)


def exported(config: ServerConfig, user_ids: Sequence[str], out: Path, n_workers: int) -> Cost:
    """An export of these customers, each as often as named."""
    destination, started = Destination(str(out)), _cpu_s()
    summary = export_recommendations(
        config,
        ListExport("home", K, destination.table_format.name, out.name, is_named=True),
        lambda _store: user_ids,
        destination,
        now_ms=now_ms(),
        n_workers=n_workers,
        progress=lambda _done, _total: None,
    )
    return Cost(summary, _cpu_s() - started)


def measured(
    label: str, recommender: Recommender, sample: Sequence[tuple[str, Sequence[Event]]], run: Callable[[], Cost], n: int
) -> Iterator[Figure]:
    """The figures of n exports."""
    busy, pairs = machine.quiet(0.0), [(bare_cpu_s(recommender, sample), run()) for _ in range(n)]
    detail = f"{pairs[0][1].summary.customers:,} customers, {recommender.engine.n_items:,} items, start-up included"
    speeds = tuple(cost.summary.customers_per_s for _, cost in pairs)
    per_core = tuple(cost.summary.customers / cost.cpu_s for _, cost in pairs)
    ratios = tuple(cost.cpu_s / cost.summary.customers / bare_s for bare_s, cost in pairs)
    yield Figure(label, "customers/s", speeds, CUSTOMERS_PER_S, "at least", detail, busy)
    yield Figure(f"{label}, a core", "customers per core second", per_core, CUSTOMERS_PER_S / 2, "at least", "", busy)
    yield Figure(f"{label}, CPU", "x a bare list", ratios, None, "at most", "", busy)


def _cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main(
    home: Annotated[Path, typer.Option(help="A home with a live release; it is copied.")],
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    customers: Annotated[int, typer.Option(min=1)] = 20_000,
) -> None:
    """Customers a second of an export, and what one costs."""
    with tempfile.TemporaryDirectory(prefix="recsys-export-bench-") as name:
        folder = Path(name)
        copy = Path(shutil.copytree(home, folder / "home"))
        file = copy / "recsys.toml"
        config = ServerConfig.load(copy, file if file.is_file() else None, {})
        store, recommender = open_existing_store(copy, config.shop.database_url), open_recommender(copy, config.file)
        with_newcomers(store, recommender, customers)
        known = list(recommender.engine.users.texts.all())
        new = [f"new-{at}" for at in range(customers)]
        samples = [(user_id, ()) for user_id in known], [(id_, store.user_events(id_)) for id_ in new[:SAMPLE]]
        store.close()
        figures: list[Figure] = []
        for label, ids, sample in (
            ("known to the release", list(islice(cycle(known), customers)), samples[0]),
            ("came since the release", new, samples[1]),
        ):
            run = partial(exported, config, ids, folder / "lists.jsonl", workers)
            figures += measured(label, recommender, sample, run, rounds)
        show(figures, console)


if __name__ == "__main__":
    typer.run(main)
