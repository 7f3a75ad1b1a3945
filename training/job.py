"""One training: read the log, learn, write a bundle, publish and promote it."""

import hashlib
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from recsys.arrays import DAY_MS
from recsys.bundle import Bundle, Manifest, write_bundle
from recsys.config import CatalogueSettings, WeightSettings, table
from recsys.data.catalogue import Item
from recsys.data.events import KIND_BY_NAME
from recsys.data.shop import Shop, read_events, shop_of
from recsys.data.store import Store
from recsys.errors import BadSettings
from recsys.index.base import IndexReport
from recsys.models.base import Learner
from recsys.models.names import LEARNERS, learner
from recsys.ranking.engine import Engine, engine_arrays, save_indexes
from recsys.ranking.learn import Mixing, Plan, learn
from recsys.ranking.recommender import never_shown
from training.registry import Registry, version_name
from training.settings import TrainSettings

REQUIRED_MODELS = frozenset({"popularity"})


def _tell_nobody(name: str) -> None:
    pass


@dataclass(slots=True)
class Steps:
    """Seconds and peak memory of each step, told to `tell` as they begin."""

    tell: Callable[[str], None] = _tell_nobody
    done: dict[str, dict[str, float]] = field(default_factory=dict)

    def __call__(self, name: str) -> AbstractContextManager[None]:
        return self._timed(name)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        self.tell(name)
        start = time.perf_counter()
        yield
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self.done[name] = {"seconds": round(time.perf_counter() - start, 3), "peak_mib": round(peak_mib, 1)}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The log and the catalogue at one moment, read once."""

    events: pl.DataFrame
    items: list[Item]
    log_seq: int
    item_revision: int


def train(store: Store, home: Path, file: Path | None, steps: Steps) -> Bundle:
    """Reads, learns, publishes and promotes; returns the live bundle.  Raises NotEnoughData, BadSettings."""
    settings, registry = TrainSettings.load(file), Registry(home)
    with steps("read"):
        snapshot = read(store)
    bundle = registry.publish(lambda directory: make_bundle(snapshot, directory, file, steps))
    with steps("promote"):
        registry.promote(bundle.manifest.version)
        registry.prune(settings.keep_releases)
    return bundle


def read(store: Store) -> Snapshot:
    """Everything up to now; what is written while reading waits for the next training."""
    log_seq, item_revision = store.head(), store.item_revision()
    events = read_events(store.scan(until_seq=log_seq))
    return Snapshot(events, list(store.items_since(0)), log_seq, item_revision)


def make_bundle(
    snapshot: Snapshot, directory: Path, file: Path | None, steps: Steps, *, now: float | None = None
) -> Bundle:
    """The bundle of what was known at `now` (days since 1970, default: just after the last event)."""
    settings = TrainSettings.load(file)
    moment = now if now is not None else float(snapshot.events["at_ms"].max() or 0) / DAY_MS  # type: ignore[arg-type]
    plan = plan_of(file, settings)
    with steps("prepare"):
        shop = shop_of(
            snapshot.events,
            snapshot.items,
            now=moment,
            weight_by_kind=plan.weight_by_kind,
            never_show=never_shown(CatalogueSettings.load(file)),
        )
    made_at_ms = int(time.time() * 1000)
    rng = np.random.default_rng(settings.seed)
    engine, mixing, reports = learn(shop, plan, rng, steps, version=version_name(made_at_ms))
    manifest = _manifest(snapshot, shop, engine, mixing, reports, plan, made_at_ms)
    arrays = engine_arrays(engine) | {f"catalogue/{name}": array for name, array in shop.catalogue.arrays().items()}
    with steps("write"):
        manifest = manifest.model_copy(update={"steps": steps.done})
        return write_bundle(directory, arrays, manifest, lambda folder: save_indexes(engine.indexes, folder))


def plan_of(file: Path | None, settings: TrainSettings) -> Plan:
    """Which models, with which settings, from `[models]` and `[weights]`."""
    weights = WeightSettings.load(file).by_kind()
    return Plan(
        learners=learners_of(table(file, "models")),
        weight_by_kind={KIND_BY_NAME[name]: weight for name, weight in weights.items()},
        validation_days=float(settings.validation_days),
    )


def learners_of(tables: Mapping[str, Any]) -> dict[str, Learner]:
    """All models of the house with the settings of `[models.<name>]`; `off = true` leaves one out."""
    chosen: dict[str, Learner] = {}
    for name in {**dict.fromkeys(LEARNERS), **dict.fromkeys(tables)}:
        params = dict(tables.get(name, {}))
        if not params.pop("off", False):
            chosen[name] = learner(name, params)
        elif name in REQUIRED_MODELS:
            raise BadSettings(f"[models.{name}] off = true: this model fills lists that nothing else can; keep it")
    return chosen


def _manifest(
    snapshot: Snapshot,
    shop: Shop,
    engine: Engine,
    mixing: Mixing,
    reports: Mapping[str, IndexReport],
    plan: Plan,
    made_at_ms: int,
) -> Manifest:
    histories = shop.data.histories
    models = {name: asdict(learner) for name, learner in plan.learners.items()}  # type: ignore[call-overload]
    weights = {str(int(kind)): weight for kind, weight in plan.weight_by_kind.items()}
    return Manifest(
        version=engine.version,
        made_at_ms=made_at_ms,
        now=histories.now,
        log_seq=snapshot.log_seq,
        item_revision=snapshot.item_revision,
        sizes={"users": len(histories), "items": engine.n_items, "events": len(histories.item)},
        window={"from": float(histories.at.min()), "until": float(histories.at.max())},
        models=models,
        blend={
            "weights": dict(mixing.blend),
            "chances": sorted(mixing.chances),
            "repeat_share": mixing.repeat_share,
            "judges": mixing.judges,
            "weight_by_kind": weights,
        },
        index={name: dict(report.as_mapping()) for name, report in reports.items()},
        settings=hashlib.sha256(repr((sorted(models.items()), weights)).encode()).hexdigest()[:16],
    )
