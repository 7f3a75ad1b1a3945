"""Everything that was learnt, as one immutable thing to ask: models, blend, curves, indexes, and the customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from recsys.arrays import AnyArray, Floats, Ints, Longs
from recsys.bundle import Bundle
from recsys.data.catalogue.mask_cache import MaskPool
from recsys.data.dataset.histories import Histories
from recsys.data.ids import MISSING, IdMap, Texts
from recsys.engine.calibration import Calibration
from recsys.engine.candidate_cache import MOST, CandidateCache, PrecomputedCandidates
from recsys.engine.new_items import NewItems, no_new_items, read_new_items
from recsys.engine.repurchase import RepurchaseIntervals, no_repurchase_intervals, read_repurchase_intervals
from recsys.errors import BadBundle
from recsys.index.base import Index
from recsys.index.build import load as load_index
from recsys.models.base import ItemModel, Model, VectorModel
from recsys.models.popularity import PopularityModel
from recsys.models.registry import MODELS
from recsys.models.segments import SegmentsModel

INDEXES = ("personal", "similar")


@dataclass(frozen=True, slots=True)
class Engine:
    """What a bundle knows.

    category (I,): code of each item's category when the bundle was made, 0 for none.
    blend: weight of each model in the personal list of new things.  chances: by source, see ranking.chance.
    repeat_share: part of all customer-item pairs of the last weeks that had been bought before.
    segments: what customers of one kind want more than others; None where nobody is described.
    newness: items that came lately and that nobody has chosen yet.  rhythm: how often each is bought again.
    indexes: FAISS over the item vectors of the vector model (`personal`) and over the same, normalised (`similar`).
    """

    version: str
    users: IdMap
    histories: Histories
    category: Ints
    models: Mapping[str, Model]
    blend: Mapping[str, float]
    chances: Mapping[str, Calibration]
    repeat_share: float
    weight_by_kind: Mapping[int, float]
    indexes: Mapping[str, Index]
    vector_models: frozenset[str]
    segments: SegmentsModel | None = None
    newness: NewItems = field(default_factory=no_new_items)
    rhythm: RepurchaseIntervals = field(default_factory=no_repurchase_intervals)
    remembered: CandidateCache = field(default_factory=CandidateCache, compare=False)
    scratch: MaskPool = field(default_factory=MaskPool, compare=False)

    @property
    def voices(self) -> Mapping[str, float]:
        """The models whose weight in the blend is above 0."""
        return {name: weight for name, weight in self.blend.items() if weight > 0}

    @property
    def n_items(self) -> int:
        return self.histories.n_items

    @property
    def popularity(self) -> PopularityModel:
        return cast(PopularityModel, self.models["popularity"])

    @property
    def neighbours(self) -> ItemModel | None:
        """The model that knows which items go with which by who chose them."""
        return cast(ItemModel | None, self.models.get("item_neighbours"))

    @property
    def together(self) -> ItemModel | None:
        """The model that knows which items share a basket."""
        return cast(ItemModel | None, self.models.get("bought_together"))

    @property
    def item_vectors(self) -> Floats | None:
        """What tells how alike two items are, (I, F); None where no model has vectors."""
        name = next(iter(sorted(self.vector_models)), None)
        return cast(VectorModel, self.models[name]).item_vectors if name is not None else None

    def history_of(self, user_id: str | None) -> Histories:
        """The customer's events of the bundle, as of its `now`; none for somebody unknown."""
        return self.history_at(self.users.position(user_id) if user_id is not None else MISSING)

    def history_at(self, user: int) -> Histories:
        """The same by the customer's position, which may be MISSING."""
        whole = self.histories
        start, end = (0, 0) if user == MISSING else (int(whole.offsets[user]), int(whole.offsets[user + 1]))
        part = slice(start, end)
        return Histories(
            offsets=np.array([0, end - start], np.int64),
            item=whole.item[part],
            at=whole.at[part],
            weight=whole.weight[part],
            kind=whole.kind[part],
            n_items=whole.n_items,
            now=whole.now,
        )


def vector_models(models: Mapping[str, Model]) -> frozenset[str]:
    """Names of the models an index can search; found once, because asking a Protocol is slow."""
    return frozenset(name for name, model in models.items() if isinstance(model, VectorModel))


def engine_arrays(engine: Engine) -> dict[str, AnyArray]:
    """The state of everything but the indexes, which are files of their own."""
    whole = engine.histories
    arrays: dict[str, AnyArray] = {
        "users/blob": engine.users.texts.blob,
        "users/offsets": engine.users.texts.offsets,
        "histories/offsets": whole.offsets,
        "histories/item": whole.item,
        "histories/at": whole.at,
        "histories/weight": whole.weight,
        "histories/kind": whole.kind,
    }
    for name, model in engine.models.items():
        arrays |= {f"models/{name}/{key}": array for key, array in model.arrays().items()}
    if engine.segments is not None:
        arrays |= {f"segments/{key}": array for key, array in engine.segments.arrays().items()}
    if len(engine.newness.item):
        arrays |= engine.newness.arrays()
    if len(engine.rhythm.first_at):
        arrays |= engine.rhythm.arrays()
    if engine.remembered.prepared is not None:
        arrays |= {f"prepared/{key}": array for key, array in engine.remembered.prepared.arrays().items()}
    for source, chance in engine.chances.items():
        arrays |= {f"chances/{source}/scores": chance.scores, f"chances/{source}/chances": chance.chances}
    return arrays


def save_indexes(indexes: Mapping[str, Index], directory: Path) -> None:
    """One folder per index, in a bundle that is being made."""
    for name, index in indexes.items():
        folder = directory / "index" / name
        folder.mkdir(parents=True)
        index.save(folder)


def open_engine(bundle: Bundle, *, remember: int = MOST) -> Engine:
    """The engine of a bundle: nothing is copied, arrays are mapped.  Raises BadBundle, for one of another build too.

    remember: how many customers' candidates are kept for their next answer.
    """
    try:
        engine = _opened(bundle)
        return replace(engine, remembered=CandidateCache(remember, _prepared(bundle, tuple(engine.voices))))
    except (KeyError, TypeError, ValueError) as error:  # what its arrays are named and shaped like has changed since
        raise BadBundle(f"{bundle.path}: another build of recsys made it ({error!r}); train again") from None


def _opened(bundle: Bundle) -> Engine:
    manifest = bundle.manifest
    blend: Mapping[str, Any] = manifest.blend
    rows = bundle.group("histories")
    n_items = manifest.sizes["items"]
    histories = Histories(
        rows["offsets"], rows["item"], rows["at"], rows["weight"], rows["kind"], n_items, manifest.now
    )
    users = bundle.group("users")
    models = {name: MODELS[name].from_arrays(bundle.group(f"models/{name}")) for name in manifest.models}
    return Engine(
        version=manifest.version,
        users=IdMap(Texts(users["blob"], cast(Longs, users["offsets"]))),
        histories=histories,
        category=bundle.array("catalogue/category/codes"),
        models=models,
        blend=dict(blend["weights"]),
        chances={name: _chance(bundle, name) for name in blend["chances"]},
        repeat_share=float(blend["repeat_share"]),
        weight_by_kind={int(kind): float(weight) for kind, weight in blend["weight_by_kind"].items()},
        indexes={name: load_index(bundle.path / "index" / name) for name in manifest.index},
        vector_models=vector_models(models),
        segments=_segments(bundle),
        newness=read_new_items(bundle),
        rhythm=read_repurchase_intervals(bundle),
    )


def _prepared(bundle: Bundle, names: Sequence[str]) -> PrecomputedCandidates | None:
    if not any(name.startswith("prepared/") for name in bundle.names):
        return None
    return PrecomputedCandidates.from_arrays(bundle.group("prepared"), names)


def _segments(bundle: Bundle) -> SegmentsModel | None:
    if not any(name.startswith("segments/") for name in bundle.names):
        return None
    return SegmentsModel.from_arrays(bundle.group("segments"))


def _chance(bundle: Bundle, source: str) -> Calibration:
    group = bundle.group(f"chances/{source}")
    return Calibration(group["scores"], group["chances"])
