"""Export of recommendations: the parts of a plan in worker processes, joined to one file."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context

from api.export.lists import SCHEMA
from api.export.moment import ExportMoment, moment_now, save_changed_items
from api.export.plan import ExportPlan, ListExport, WorkFolder, changes_since, locked_folder
from api.export.worker import PartMaker, PartOutcome, make_part, start_worker
from api.settings import ServerConfig
from recsys.atomic_file import open_private
from recsys.data.files.destination import Destination
from recsys.data.files.table_formats import FORMATS
from recsys.data.store.base import Store
from recsys.data.store.open import open_existing_store
from recsys.errors import BadFile
from recsys.ranking.candidates.sources import SOURCES
from recsys.ranking.placements import find_placement, load_placements

Customers = Callable[[Store], Iterable[str]]
Progress = Callable[[int, int], None]  # customers done, of how many


@dataclass(slots=True)
class ExportSummary:
    """What an export did.  resumed: customers whose lists an earlier run had made.

    started_again: what had changed since an earlier run, which therefore did not count.  fallbacks: lists by level.
    """

    file: str
    customers: int = 0
    rows: int = 0
    resumed: int = 0
    seconds: float = 0.0
    customers_per_s: float = 0.0
    model_version: str = ""
    made_at_ms: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)
    started_again: list[str] = field(default_factory=list)

    def add(self, outcome: PartOutcome) -> None:
        record = outcome.record
        self.customers += record.customers
        self.rows += record.rows
        self.fallbacks.update(record.fallbacks)
        self.resumed += record.customers if outcome.is_kept else 0


def export_recommendations(
    config: ServerConfig,
    export: ListExport,
    customers: Customers,
    destination: Destination,
    *,
    now_ms: int,
    n_workers: int,
    progress: Progress,
) -> ExportSummary:
    """Writes the list of each customer as the service would answer it now; after a killed run it goes on.

    customers: their ids, read once, when the export begins.  n_workers: processes; with 1 all happens in this one.
    Raises NoBundle, UnknownPlacement, BadInput, BadFile, LogUnavailable.
    """
    started, summary = time.perf_counter(), ExportSummary(destination.name)
    destination.check()
    find_placement(load_placements(config.file, frozenset(SOURCES)), export.placement)
    with (
        closing(open_existing_store(config.home, config.shop.database_url)) as store,
        locked_folder(destination.work_folder(config.home)) as folder,
    ):
        moment = moment_now(config, store, now_ms)
        plan = _resumed(folder, export, moment, summary) or _begun(config, store, folder, export, moment, customers)
        n_planned = 0
        for number, outcome in enumerate(_outcomes(config, store, folder, plan, n_workers)):
            summary.add(outcome)
            n_planned = min(plan.n_customers, (number + 1) * export.part_customers)
            progress(n_planned, plan.n_customers)
        _publish(folder, plan, destination)
    summary.model_version, summary.made_at_ms = plan.moment.version, plan.moment.made_at_ms
    summary.seconds = round(time.perf_counter() - started, 3)
    summary.customers_per_s = round(summary.customers / summary.seconds, 1) if summary.seconds else 0.0
    return summary


def _resumed(folder: WorkFolder, export: ListExport, moment: ExportMoment, summary: ExportSummary) -> ExportPlan | None:
    plan = folder.plan()
    if plan is None:
        return None
    summary.started_again = changes_since(plan, export, moment)
    return None if summary.started_again else plan


def _begun(
    config: ServerConfig,
    store: Store,
    folder: WorkFolder,
    export: ListExport,
    moment: ExportMoment,
    customers: Customers,
) -> ExportPlan:
    save_changed_items(config, store, moment, folder.changed_items)
    return folder.begin(export, moment, customers(store))


def _outcomes(
    config: ServerConfig, store: Store, folder: WorkFolder, plan: ExportPlan, n_workers: int
) -> Iterator[PartOutcome]:
    """The outcome of each part, in order."""
    numbers = range(len(plan.ends))
    if min(n_workers, len(numbers)) <= 1:
        maker = PartMaker.open(config, folder, plan, store)
        yield from map(maker.make, numbers)
        return
    pool = ProcessPoolExecutor(min(n_workers, len(numbers)), get_context("spawn"), start_worker, (config, folder, plan))
    try:
        yield from pool.map(make_part, numbers)
    except BrokenProcessPool:
        raise BadFile("a worker of the export died, perhaps for want of memory; run it again, and it goes on") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _publish(folder: WorkFolder, plan: ExportPlan, destination: Destination) -> None:
    whole = folder.path / "whole"
    parts = [folder.part(number) for number in range(len(plan.ends))]
    with open_private(whole, "wb") as out:
        FORMATS[plan.export.file_format].join(parts, SCHEMA, out)
    destination.publish(whole)
