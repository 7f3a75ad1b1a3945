"""Engine: a loaded release, immutable; models, blend, calibrations, indexes and the histories of the users."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from recsys.arrays import AnyArray, Doubles, Floats, Ints
from recsys.bundle import Bundle
from recsys.bundle.array_spec import LARGEST, texts
from recsys.data.catalogue.mask_cache import MaskPool
from recsys.data.dataset.histories import Histories
from recsys.data.events import RETURN, Kind
from recsys.data.ids import MISSING, IdMap, Texts
from recsys.engine.candidate_cache import CAPACITY
from recsys.engine.parts import EngineParts, part_arrays, read_parts
from recsys.errors import BadBundle
from recsys.index.base import FILE_NAME, Index
from recsys.index.build import load as load_index
from recsys.index.exact import ExactIndex
from recsys.models.als import AlsModel
from recsys.models.base import Model, VectorModel
from recsys.models.bought_together import BoughtTogetherModel
from recsys.models.item_neighbours import ItemNeighboursModel
from recsys.models.popularity import PopularityModel
from recsys.models.registry import MODELS

INDEXES = ("personal", "similar")
N_KINDS = 128  # as many kinds of events as a log can hold, those of newer builds included
HISTORY_COLUMNS = ("offsets", "item", "at", "weight", "kind")  # the arrays of the histories in a bundle


@dataclass(frozen=True, slots=True)
class Engine(EngineParts):
    """What a bundle holds; its optional parts are described in `EngineParts`.

    category (I,): code of each item's category when the bundle was made, 0 for none.
    blend: weight of each model in the personal list of new items.  active_models: those with a weight above 0.
    repeat_share: part of all user-item pairs of the last weeks that had been bought before.
    indexes: over the item vectors of the vector model (`personal`) and over the same vectors normalised (`similar`).
    vector_models: those that an index can search.  mask_pool: buffers that requests borrow.
    kind_weights (N_KINDS,): `weight_by_kind` as an array, 0 for kinds that weigh nothing.
    """

    version: str
    users: IdMap
    histories: Histories
    category: Ints
    models: Mapping[str, Model]
    blend: Mapping[str, float]
    repeat_share: float
    weight_by_kind: Mapping[int, float]
    indexes: Mapping[str, Index]
    mask_pool: MaskPool = field(default_factory=MaskPool, compare=False)
    active_models: Mapping[str, float] = field(init=False, compare=False)
    vector_models: frozenset[str] = field(init=False, compare=False)
    kind_weights: Doubles = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        active_models = {name: weight for name, weight in self.blend.items() if weight > 0}
        object.__setattr__(self, "active_models", active_models)
        # Once, because a check against a Protocol is slow.
        vector_models = frozenset(name for name, model in self.models.items() if isinstance(model, VectorModel))
        object.__setattr__(self, "vector_models", vector_models)
        kind_weights = np.zeros(N_KINDS)
        kind_weights[list(self.weight_by_kind)] = list(self.weight_by_kind.values())
        object.__setattr__(self, "kind_weights", kind_weights)

    @property
    def n_items(self) -> int:
        return self.histories.n_items

    @property
    def popularity(self) -> PopularityModel:
        return cast(PopularityModel, self.models["popularity"])

    @property
    def item_neighbours(self) -> ItemNeighboursModel | None:
        """The model of items that the same users chose."""
        return cast(ItemNeighboursModel | None, self.models.get("item_neighbours"))

    @property
    def bought_together(self) -> BoughtTogetherModel | None:
        """The model of items that share a basket."""
        return cast(BoughtTogetherModel | None, self.models.get("bought_together"))

    @property
    def item_vectors(self) -> Floats | None:
        """Vectors for the similarity of two items, (I, F); None where no model has vectors."""
        name = next(iter(sorted(self.vector_models)), None)
        return cast(VectorModel, self.models[name]).item_vectors if name is not None else None

    def history_of(self, user_id: str | None) -> Histories:
        """The user's events of the bundle, as of its `now`; empty for an unknown user."""
        return self.history_at(self.users.position(user_id) if user_id is not None else MISSING)

    def history_at(self, user: int) -> Histories:
        """The same by the user's position, which may be MISSING; what was sent back shows no liking."""
        whole = self.histories
        start, end = (0, 0) if user == MISSING else (int(whole.offsets[user]), int(whole.offsets[user + 1]))
        part = slice(start, end)
        history = Histories(
            offsets=np.array([0, end - start], np.int64),
            item=whole.item[part],
            at=whole.at[part],
            weight=whole.weight[part],
            kind=whole.kind[part],
            n_items=whole.n_items,
            now=whole.now,
        )
        # A search through bytes: most customers never send anything back.
        return history.without_sent_back() if RETURN in history.kind.tobytes() else history


def engine_arrays(engine: Engine) -> dict[str, AnyArray]:
    """The state of everything except the indexes, which are files of their own."""
    arrays = engine.users.texts.arrays("users/")
    arrays |= {f"histories/{name}": getattr(engine.histories, name) for name in HISTORY_COLUMNS}
    for name, model in engine.models.items():
        arrays |= {f"models/{name}/{key}": array for key, array in model.arrays().items()}
    return arrays | part_arrays(engine)


def save_indexes(indexes: Mapping[str, Index], directory: Path) -> None:
    """One folder per index, in a bundle that is being made."""
    for name, index in indexes.items():
        folder = directory / "index" / name
        folder.mkdir(parents=True)
        index.save(folder)


def open_engine(bundle: Bundle, *, cached_users: int = CAPACITY) -> Engine:
    """The engine of a bundle: nothing is copied, arrays are mapped.  Raises BadBundle, for one of another build too.

    cached_users: for how many users the candidates of a request are kept for the next one.
    """
    try:
        engine = _opened(bundle)
        cache = engine.candidate_cache.for_models(tuple(engine.active_models), cached_users)
        return replace(engine, candidate_cache=cache)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:  # names or shapes of its arrays have changed since
        raise BadBundle(f"{bundle.path}: another build of recsys made it ({error!r}); train again") from None


def _opened(bundle: Bundle) -> Engine:
    manifest = bundle.manifest
    blend: Mapping[str, Any] = manifest.blend
    columns = bundle.checked("histories", Histories.specs())
    models = {
        name: MODELS[name].from_arrays(bundle.checked(f"models/{name}", MODELS[name].specs()))
        for name in manifest.models
    }
    engine = Engine(
        version=manifest.version,
        users=IdMap(Texts.from_arrays(bundle.checked("users", texts("", "U", order="rising strictly")), "")),
        histories=Histories(**columns, n_items=manifest.sizes["items"], now=manifest.now),
        category=bundle.array("catalogue/category/codes"),
        models=models,
        blend={name: float(weight) for name, weight in blend["weights"].items()},
        repeat_share=float(blend["repeat_share"]),
        weight_by_kind={int(kind): float(weight) for kind, weight in blend["weight_by_kind"].items()},
        indexes={name: _open_index(bundle, name) for name in manifest.index},
        **read_parts(bundle, Engine),
    )
    fault = _fault(engine) or _fold_in_fault(models, manifest.fold_in)
    if fault is not None:
        raise BadBundle(f"{bundle.path}: {fault}; `recsys rollback` to another version, or train again")
    return engine


def _open_index(bundle: Bundle, name: str) -> Index:
    if name not in INDEXES:
        raise KeyError(name)
    folder = f"index/{name}"
    bundle.file(f"{folder}/{FILE_NAME}")
    if f"{folder}/order" in bundle.names:
        bundle.checked(folder, ExactIndex.specs())
    return load_index(bundle.path / folder)


def _fold_in_fault(models: Mapping[str, Model], stated: Mapping[str, Mapping[str, str | float]]) -> str | None:
    """Whether a model would give customers other vectors than by the formula that the manifest states."""
    own = {name: model.fold_in for name, model in models.items() if isinstance(model, AlsModel)}
    wrong = [name for name, formula in stated.items() if own.get(name) != formula]
    return f"the fold-in of {wrong[0]} is not the one of the manifest" if wrong else None


def _fault(engine: Engine) -> str | None:
    """What is wrong with the release although each of its parts is right."""
    names, vectors = engine.models.keys(), engine.item_vectors
    if "popularity" not in names:
        return "no best-sellers"
    if not engine.blend.keys() <= names or not all(0 <= weight < LARGEST for weight in engine.blend.values()):
        return f"the blend {engine.blend} is not of its models, or not of weights"
    if set(engine.weight_by_kind) < set(Kind) or not all(abs(w) < LARGEST for w in engine.weight_by_kind.values()):
        return f"weights {engine.weight_by_kind} are not those of the kinds of events"
    if not 0 <= engine.repeat_share <= 1:
        return f"a repeat share of {engine.repeat_share}"
    if vectors is None:
        return "an index, but no vectors" if engine.indexes else None
    shapes = {index.shape for index in engine.indexes.values()} - {vectors.shape}
    return f"an index over {min(shapes)} for vectors of {vectors.shape}" if shapes else None
