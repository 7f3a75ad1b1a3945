"""Export worker: makes one part after the other with its own store and the mapped release, in its own process."""

import os
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import parent_process
from threading import Thread

import orjson

from api.export.lists import CustomerHead, CustomerList, ListReader, encoded
from api.export.moment import open_live_release
from api.export.plan import ExportPlan, PartRecord, WorkFolder
from api.settings import ServerConfig
from recsys.data.files.table_formats import FORMATS
from recsys.data.store.base import Store
from recsys.data.store.open import open_existing_store
from recsys.garbage_collection import settle_garbage_collection
from recsys.ranking.query import RecommendationList


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """A part that is there now.  is_kept: an earlier run had made it, and nothing changed since."""

    record: PartRecord
    is_kept: bool


@dataclass(frozen=True, slots=True)
class PartMaker:
    """Makes the parts of a plan."""

    folder: WorkFolder
    plan: ExportPlan
    reader: ListReader

    @classmethod
    def open(cls, config: ServerConfig, folder: WorkFolder, plan: ExportPlan, store: Store) -> "PartMaker":
        release = open_live_release(config, plan.moment, folder.changed_items, store)
        export, now_ms = plan.export, plan.moment.made_at_ms
        reader = ListReader(
            store, release, export.placement, export.k, now_ms, export.is_named, needs_consent=export.needs_consent
        )
        return cls(folder, plan, reader)

    def make(self, number: int) -> PartOutcome:
        """The part with that number; one that is there stays, unless a customer in it changed since."""
        customers = self.reader.heads(self.folder.user_ids(self.plan, number))
        state, before = _state(customers), self.folder.part_record(number)
        if before is not None and before.state == state:
            return PartOutcome(before, is_kept=True)
        lists = list(self.reader.lists(customers))
        content = encoded(lists, FORMATS[self.plan.export.file_format], self.plan.moment.made_at_ms)
        record = _record(lists, state, content)
        self.folder.keep_part(number, content, record)
        return PartOutcome(record, is_kept=False)


def _state(customers: Sequence[CustomerHead]) -> str:
    """A digest of all that the lists of these customers depend on, beside the moment."""
    states = [
        (user_id, head.seq, head.owner, head.forgotten, dict(head.subject.attributes)) for user_id, head in customers
    ]
    return sha256(orjson.dumps(states, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _record(lists: Sequence[CustomerList], state: str, content: bytes) -> PartRecord:
    rows = sum(len(answer.items) for _, answer in lists if isinstance(answer, RecommendationList))
    fallbacks = Counter[str](answer.fallback for _, answer in lists)
    return PartRecord(state, sha256(content).hexdigest(), len(lists), rows, dict(fallbacks))


@dataclass(slots=True)
class WorkerProcess:
    """State of a worker process: what it is to open, and what it opened at its first part."""

    config: ServerConfig
    folder: WorkFolder
    plan: ExportPlan
    maker: PartMaker | None = None

    def make(self, number: int) -> PartOutcome:
        if self.maker is None:  # here, because an error of a part reaches the parent as it is
            store = open_existing_store(self.config.home, self.config.shop.database_url)
            self.maker = PartMaker.open(self.config, self.folder, self.plan, store)
            settle_garbage_collection()
        return self.maker.make(number)


_process: WorkerProcess  # the way that a pool of processes offers to give each its state


def start_worker(config: ServerConfig, folder: WorkFolder, plan: ExportPlan) -> None:
    """Prepares a worker process, which ends with its parent, however that ends."""
    global _process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    Thread(target=_end_with_parent, daemon=True).start()
    _process = WorkerProcess(config, folder, plan)


def make_part(number: int) -> PartOutcome:
    """Makes a part in a worker process."""
    return _process.make(number)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
