"""Engine parts: a new part is saved and opened again without a change of the engine itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
import pytest

from recsys.arrays import AnyArray, Ints
from recsys.bundle import write_bundle
from recsys.bundle.array_spec import ArraySpec
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import EVENT_SCHEMA, Event
from recsys.engine import engine as engine_module
from recsys.engine.calibration import Calibration
from recsys.engine.engine import Engine, engine_arrays, open_engine
from recsys.engine.parts import EnginePart, EngineParts, part_arrays, read_parts
from recsys.learning import engine_parts, fit
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.engine_parts import LearnedPart, TrainingInput
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.ranking.recommender import Recommender
from recsys.testing import small_items


def visit_arrays(visits: Ints) -> Mapping[str, AnyArray]:
    return {"count": visits}


def visit_specs(names: Collection[str]) -> dict[str, ArraySpec]:
    return {"count": ArraySpec("U", "int32", low=0)}


def read_visits(arrays: Mapping[str, AnyArray]) -> Ints:
    return arrays["count"]


@dataclass(frozen=True, slots=True)
class EngineWithVisits(Engine):
    """An engine with one more part: how many events each user has."""

    visits: Annotated[Ints, EnginePart("visits", visit_arrays, read_visits, visit_specs)] = field(
        kw_only=True, default_factory=lambda: np.empty(0, np.int32)
    )


def count_visits(data: TrainingInput) -> LearnedPart:
    return LearnedPart(np.diff(data.engine.histories.offsets).astype(np.int32), {"users": len(data.engine.users)})


@pytest.fixture
def with_visits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "Engine", EngineWithVisits)
    monkeypatch.setattr(fit, "Engine", EngineWithVisits)
    monkeypatch.setitem(engine_parts.PART_LEARNERS, "visits", count_visits)


@pytest.mark.usefixtures("with_visits")
def test_a_new_part_is_learned_saved_and_opened_again(shop_events: list[Event], tmp_path: Path) -> None:
    frame = pl.DataFrame(shop_events, schema=EVENT_SCHEMA, orient="row")
    snapshot = Snapshot(read_events([frame]), small_items(), log_seq=len(shop_events), item_revision=1)
    recipe = read_recipe(None, validation_days=28, seed=0, optional_seconds=0)

    bundle = build_bundle(snapshot, tmp_path / "bundle", recipe, StepLog(), version="visits")
    engine: Any = open_engine(bundle)

    assert engine.visits.tolist() == np.diff(engine.histories.offsets).tolist()
    assert bundle.manifest.blend["visits"] == {"users": len(engine.users)}


def test_a_release_without_a_part_opens_with_the_empty_one(small_shop: Recommender, tmp_path: Path) -> None:
    bare = {name: array for name, array in engine_arrays(small_shop.engine).items() if name.startswith("histories/")}
    bundle = write_bundle(tmp_path / "old", bare, small_shop.bundle.manifest)
    assert read_parts(bundle, EngineWithVisits) == {}
    assert part_arrays(EngineParts()) == {}


def test_every_part_of_the_small_shop_survives_saving_and_opening(small_shop: Recommender, tmp_path: Path) -> None:
    curve = Calibration(np.array([0.0, 1.0]), np.array([0.0, 0.5]))
    arrays = part_arrays(replace(small_shop.engine, calibrations={"discover": curve}))
    bundle = write_bundle(tmp_path / "parts", arrays, small_shop.bundle.manifest)
    again = part_arrays(EngineParts(**read_parts(bundle, Engine)))
    assert again.keys() == arrays.keys()
    assert all(np.array_equal(again[name], array, equal_nan=array.dtype.kind == "f") for name, array in arrays.items())
    folders = {"chances", "contact_times", "customer_orders", "customer_scores", "customers", "prepared"}
    folders |= {"recent_buyers", "rhythm"}
    assert {name.partition("/")[0] for name in arrays} == folders
