"""From a snapshot of the log to a bundle directory: what training publishes and evaluation asks."""

import hashlib
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from recsys.arrays import DAY_MS
from recsys.bundle import Bundle, Manifest, write_bundle
from recsys.config import CatalogueSettings, WeightSettings, table
from recsys.data.catalogue import Item, User
from recsys.data.events import KIND_BY_NAME
from recsys.data.shelf import NeverShow, never_shown
from recsys.data.shop import Shop, read_events, shop_of, without_stragglers
from recsys.data.store import Store
from recsys.errors import BadSettings
from recsys.index.base import IndexReport
from recsys.models.base import Learner, Model
from recsys.models.ease import EaseModel
from recsys.models.names import LEARNERS, learner
from recsys.ranking.engine import Engine, engine_arrays, save_indexes
from recsys.ranking.learn import Mixing, learn
from recsys.ranking.newness import newness_of
from recsys.ranking.plan import AGAIN, BESIDE_AN_ITEM, PERSONAL, Plan
from recsys.ranking.preparing import prepared
from recsys.ranking.rating_making import expected_arrays
from recsys.ranking.remembered import Remembered
from recsys.ranking.rhythm import rhythm_of
from recsys.ranking.strangers import learn_segments

REQUIRED_MODELS = frozenset({"popularity"})
# Made where they are asked for, or where trying shows that new things are found better with them.
SPARE_MODELS = frozenset(LEARNERS) - {*PERSONAL, AGAIN, *BESIDE_AN_ITEM}


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
class Recipe:
    """Which models, with which settings, from which items; the same recipe over the same snapshot learns the same.

    prepares: candidates of many customers are found while training, for a release that will be served.
    """

    plan: Plan
    never_show: NeverShow
    seed: int = 0
    prepares: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The log and the catalogue at one moment, read once."""

    events: pl.DataFrame
    items: list[Item]
    log_seq: int
    item_revision: int
    n_stragglers: int = 0  # events long after all others, see data.shop.without_stragglers
    users: Sequence[User] = ()
    newcomers: Mapping[str, float] = field(default_factory=dict)  # since when, in days since 1970

    @property
    def last_at(self) -> float:
        """When the last event happened, in days since 1970."""
        return float(self.events.select(pl.col("at_ms").max()).item()) / DAY_MS


def read(store: Store) -> Snapshot:
    """Everything up to now; what is written while reading waits for the next training."""
    log_seq, item_revision = store.head(), store.item_revision()
    events, n_stragglers = without_stragglers(read_events(store.scan(until_seq=log_seq)))
    items, users = list(store.items_since(0)), list(store.users())
    return Snapshot(events, items, log_seq, item_revision, n_stragglers, users)


def make_bundle(
    snapshot: Snapshot,
    directory: Path,
    recipe: Recipe,
    steps: Steps,
    *,
    version: str,
    now: float | None = None,
    foretells_ratings: bool = False,
) -> Bundle:
    """The bundle of what was known at `now` (days since 1970, default: at the last event), written to `directory`.

    foretells_ratings: also learn what customers would rate, where there are ratings; lists do without.
    """
    moment = now if now is not None else snapshot.last_at
    with steps("prepare"):
        shop = shop_of(
            snapshot.events,
            snapshot.items,
            now=moment,
            weight_by_kind=recipe.plan.weight_by_kind,
            never_show=recipe.never_show,
        )
    engine, mixing, reports = learn(shop, recipe.plan, np.random.default_rng(recipe.seed), steps, version=version)
    with steps("segments"):
        engine, told = _for_strangers(engine, shop, snapshot, recipe)
    if recipe.prepares:
        with steps("candidates"):
            engine = replace(engine, remembered=Remembered(0, prepared(engine, shop.catalogue.is_listed)))
    manifest = _manifest(snapshot, shop, engine, mixing, reports, recipe)
    manifest = manifest.model_copy(update={"blend": manifest.blend | told})
    arrays = engine_arrays(engine) | {f"catalogue/{name}": array for name, array in shop.catalogue.arrays().items()}
    if foretells_ratings:
        arrays |= expected_arrays(snapshot.events, shop, recipe.seed, steps)
    manifest = manifest.model_copy(update={"steps": dict(steps.done)})
    with steps("write"):
        return write_bundle(directory, arrays, manifest, lambda folder: save_indexes(engine.indexes, folder))


def _for_strangers(engine: Engine, shop: Shop, snapshot: Snapshot, recipe: Recipe) -> tuple[Engine, dict[str, Any]]:
    """The engine with what each kind of customer wants and what is new, and what the manifest says of that."""
    rng, days = np.random.default_rng(recipe.seed), recipe.plan.validation_days
    segments, verdict = learn_segments(shop, snapshot.users, rng, days=days)
    newness = newness_of(snapshot.newcomers, shop.catalogue.ids, engine.popularity.weight)
    engine = replace(engine, segments=segments, newness=newness, rhythm=rhythm_of(shop.data.histories))
    return engine, {} if verdict is None else {"segments": verdict.as_mapping()}


def recipe_of(
    file: Path | None,
    *,
    validation_days: float,
    seed: int,
    spare_seconds: float = 240.0,
    tuned: Path | None = None,
) -> Recipe:
    """The recipe of `[models]`, `[weights]` and `[catalogue]`, above what a search wrote to `tuned`.

    Raises BadSettings.
    """
    weights, tables = WeightSettings.load(file).by_kind(), over(table(tuned, "models"), table(file, "models"))
    plan = Plan(
        learners=learners_of(tables),
        weight_by_kind={KIND_BY_NAME[name]: weight for name, weight in weights.items()},
        validation_days=validation_days,
        spare=spare_of(tables),
        spare_seconds=spare_seconds,
        settled=frozenset(
            name
            for name, found in tables.items()
            if isinstance(found, Mapping) and any(key.endswith("_days") for key in found)
        ),
    )
    return Recipe(plan, never_shown(CatalogueSettings.load(file).never_show), seed)


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables of models, each setting from `above` where it stands there."""
    both = {**below, **above}
    for name in below.keys() & above.keys():
        if isinstance(above[name], Mapping):
            both[name] = {**below[name], **above[name]}
    return both


def learners_of(tables: Mapping[str, Any]) -> dict[str, Learner]:
    """The models of the house with the settings of `[models.<name>]`; `off = true` leaves one out.

    The spare ones are left out as long as nothing says `off = false`.
    """
    chosen: dict[str, Learner] = {}
    for name in {**dict.fromkeys(LEARNERS), **dict.fromkeys(tables)}:
        found = tables.get(name, {})
        if not isinstance(found, Mapping):
            raise BadSettings(f"[models] {name} = {found!r} should be a table: write [models.{name}] and its settings")
        params = dict(found)
        if not params.pop("off", name in SPARE_MODELS):
            chosen[name] = learner(name, params)
        elif name in REQUIRED_MODELS:
            raise BadSettings(f"[models.{name}] off = true: this model fills lists that nothing else can; keep it")
    return chosen


def spare_of(tables: Mapping[str, Any]) -> dict[str, Learner]:
    """The spare models that `[models.<name>]` says neither yes nor no to, with the settings there."""
    told = {name: tables.get(name, {}) for name in LEARNERS if name in SPARE_MODELS}
    return {name: learner(name, params) for name, params in told.items() if "off" not in params}


def parted_in(models: Mapping[str, Model]) -> dict[str, str]:
    """Which models do not treat all items alike because of the memory they may take, and how; by name."""
    told = {name: model.parted for name, model in models.items() if isinstance(model, EaseModel)}
    return {name: words for name, words in told.items() if words is not None}


def _manifest(
    snapshot: Snapshot,
    shop: Shop,
    engine: Engine,
    mixing: Mixing,
    reports: Mapping[str, IndexReport],
    recipe: Recipe,
) -> Manifest:
    plan, histories = recipe.plan, shop.data.histories
    models = {name: asdict(learner) for name, learner in mixing.learners.items()}  # type: ignore[call-overload]
    weights = {str(int(kind)): weight for kind, weight in plan.weight_by_kind.items()}
    return Manifest(
        version=engine.version,
        made_at_ms=int(time.time() * 1000),
        now=histories.now,
        log_seq=snapshot.log_seq,
        item_revision=snapshot.item_revision,
        sizes={"users": len(histories), "items": engine.n_items, "events": len(histories.item)},
        window={
            "from": float(histories.at.min()),
            "until": float(histories.at.max()),
            "stragglers": snapshot.n_stragglers,
        },
        models=models,
        blend={
            "weights": dict(mixing.blend),
            "chances": sorted(mixing.chances),
            "repeat_share": mixing.repeat_share,
            "judges": mixing.judges,
            "held_back": mixing.held_back,
            "half_lives": {name: pace.as_mapping() for name, pace in mixing.paces.items()},
            "left_out": dict(mixing.left_out),
            "buying_again": dict(mixing.habit),
            "parted": parted_in(engine.models),
            "weight_by_kind": weights,
        },
        index={name: dict(report.as_mapping()) for name, report in reports.items()},
        settings=hashlib.sha256(repr((sorted(models.items()), weights)).encode()).hexdigest()[:16],
    )
