"""A refresh learns what a training learns of the newest events, without the models, and stands on the live release."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.bundle import Bundle, open_release
from recsys.bundle.key_rotation import create_signing_key
from recsys.bundle.signature import read_trusted_keys
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.engine.engine import open_engine
from recsys.engine.unnumbered_events import UnnumberedEvents
from recsys.errors import BadBundle, BadInput, NoBundle, StaleJob
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.bundle_refresh import shared_files
from recsys.learning.recipe import read_recipe, recipe_of
from recsys.models.registry import MODELS, REFRESHED_MODELS
from recsys.progress import StepLog
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.testing import NOW
from recsys.time_units import DAY_MS
from tests.homes import copy_home
from training.refresh import RefreshResult, refresh
from training.registry import Registry

LATER_MS = round((NOW + 1) * DAY_MS)
HIT = "item-005"  # that all the new orders hold


@pytest.fixture
def home(trained_home: Path, tmp_path: Path) -> Path:
    """The small shop, trained."""
    return copy_home(trained_home, tmp_path / "home")


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with closing(open_store(home, None)) as store:
        yield store


def order(user_id: str, item_id: str, at_ms: int = LATER_MS) -> Event:
    event_id = f"{user_id}/{item_id}/{at_ms}"
    return Event(event_id, user_id, item_id, Kind.PURCHASE, at_ms, price=3.0, order_id=event_id)


def refreshed(store: Store, home: Path) -> tuple[RefreshResult, Recommender]:
    """A refresh, and the release as it is served after it."""
    result = refresh(store, home, None, StepLog())
    live = open_release(home / "bundles", str(Registry(home).live()))
    changes = store.items_since(live.manifest.item_revision)
    return result, build_recommender(live, changes, None)


def items_of(recommender: Recommender, placement: str, user_id: str | None = None) -> list[str]:
    query = Query(LATER_MS, placement, 10, user_id)
    return [recommender.catalogue.item_id(scored.item) for scored in recommender.scored_items(query)]


def live_bundle(home: Path) -> Bundle:
    return open_release(home / "bundles", str(Registry(home).live()))


def test_what_is_refreshed_is_what_a_training_with_the_same_recipe_learns_of_the_same_log(
    store: Store, home: Path, tmp_path: Path
) -> None:
    base = live_bundle(home)
    store.append([order(f"new-{n}", HIT) for n in range(12)] + [order("user-001", HIT), order("user-003", "item-009")])
    result, _ = refreshed(store, home)
    recipe = recipe_of(base, read_recipe(None, validation_days=28, seed=0))
    trained = build_bundle(
        read_snapshot(store), tmp_path / "again", recipe, StepLog(), version="again", with_ratings=True
    )
    learnt = {name for name in trained.names if f"{name}.npy" not in shared_files(base)}
    learnt -= {name for name in learnt if name.startswith("prepared/")}  # lists of models that this training learnt too
    assert len(learnt) > 40
    for name in sorted(learnt):
        np.testing.assert_array_equal(result.bundle.array(name), trained.array(name), err_msg=name)
    weight = "models/popularity/weight"
    assert (result.bundle.array(weight) != base.array(weight)).any()


def test_best_sellers_and_trends_follow_new_orders_within_one_refresh(store: Store, home: Path) -> None:
    before = build_recommender(live_bundle(home), (), None)
    store.append([order(f"user-{n:03}", HIT) for n in range(60)])
    _, after = refreshed(store, home)
    assert items_of(before, "best-sellers")[0] != HIT
    assert items_of(after, "best-sellers")[0] == HIT
    assert items_of(after, "trending")[0] == HIT


def test_models_are_shared_with_the_live_release_and_never_written(store: Store, home: Path) -> None:
    base = live_bundle(home)
    store.append([order("user-001", HIT)])
    result, _ = refreshed(store, home)
    shared = shared_files(base)
    assert any(name.startswith("models/als/") for name in shared)
    for name in base.manifest.files:
        is_same = base.file(name).samefile(result.bundle.file(name)) if name in result.bundle.manifest.files else False
        assert is_same == (name in shared), name
    assert (result.bundle.manifest.models_of, Registry(home).live()) == (
        base.manifest.version,
        result.bundle.manifest.version,
    )


def test_a_customer_who_came_since_the_training_is_known_with_candidates(store: Store, home: Path) -> None:
    assert open_engine(live_bundle(home)).users.position("new") < 0
    store.append([order("new", "item-002"), order("new", "item-004")])
    _, after = refreshed(store, home)
    user = after.engine.users.position("new")
    assert after.engine.history_of("new").item.tolist() == [2, 4]
    precomputed = after.engine.candidate_cache.precomputed
    assert precomputed is not None
    assert precomputed.find(user) is not None
    assert set(items_of(after, "discover", "new")).isdisjoint({"item-002", "item-004"})


def test_prices_paid_lately_are_those_of_the_refreshed_release(store: Store, home: Path) -> None:
    store.put_items([Item(item_id="item-003", name="Product 3", category="category-3", price=99.0)])
    store.append([order(f"user-{n:03}", "item-003") for n in range(20)])
    result, after = refreshed(store, home)
    assert after.catalogue.price[3] == 99.0
    assert result.bundle.array("catalogue/paid")[3] == 3.0


def test_every_model_that_numbers_customers_is_refreshed() -> None:
    for name, model in MODELS.items():
        letters = {letter for spec in model.specs().values() for letter in (*spec.shape.split(), spec.high, spec.end)}
        assert name in REFRESHED_MODELS or letters.isdisjoint({"U", "U+1"}), name


def test_the_same_log_and_settings_give_no_release(store: Store, home: Path) -> None:
    live = Registry(home).live()
    nothing = refresh(store, home, None, StepLog(), skips_unchanged=True)
    assert (nothing.verdict, Registry(home).live()) == (None, live)
    store.append([order("user-001", HIT)])
    first = refresh(store, home, None, StepLog(), skips_unchanged=True)
    second = refresh(store, home, None, StepLog(), skips_unchanged=True)
    assert first.verdict is not None
    assert (second.verdict, second.bundle.manifest.version) == (None, first.bundle.manifest.version)
    assert [run.verdict for run in store.runs(job="refresh")] == ["nothing_new", "promoted", "nothing_new"]


def test_a_customer_who_was_erased_since_is_in_no_array_of_the_refreshed_release(store: Store, home: Path) -> None:
    store.append([order("secret-customer", HIT), order("user-001", HIT)])
    with_customer, _ = refreshed(store, home)
    receipt = store.erase_user("secret-customer")
    without, after = refreshed(store, home)
    assert b"secret-customer" in _bytes_of(with_customer.bundle)
    assert b"secret-customer" not in _bytes_of(without.bundle)
    assert without.bundle.manifest.log_seq >= receipt.seq
    assert after.engine.users.position("secret-customer") < 0


def _bytes_of(bundle: Bundle) -> bytes:
    return b"".join(bundle.file(name).read_bytes() for name in bundle.manifest.files)


def test_a_refresh_is_undone_by_a_rollback_to_the_release_before(store: Store, home: Path) -> None:
    before = Registry(home).live()
    store.append([order("user-001", HIT)])
    refreshed(store, home)
    assert Registry(home).rollback().manifest.version == before


def test_a_refresh_that_breaks_a_guardrail_is_rejected_and_the_live_release_stays(store: Store, home: Path) -> None:
    live = Registry(home).live()
    store.append([order(f"new-{n}", HIT) for n in range(40)])
    result, _ = refreshed(store, home)
    assert result.verdict is not None
    assert [reason for reason in result.verdict.reasons if reason.startswith("customers: 100 after 60")]
    assert Registry(home).live() == live
    next_one, _ = refreshed(store, home)
    assert next_one.bundle.manifest.models_of == live  # and not on top of the rejected one


def test_nothing_is_refreshed_before_the_first_training(tmp_path: Path) -> None:
    with closing(open_store(tmp_path, None)) as store, pytest.raises(NoBundle, match="recsys train"):
        refresh(store, tmp_path, None, StepLog())


def test_a_release_of_another_log_is_not_refreshed(home: Path, tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "other", None)) as other:
        other.append([order("user-001", HIT)])
        with pytest.raises(BadInput, match="another log"):
            refresh(other, home, None, StepLog())


def test_no_refresh_disturbs_a_canary(store: Store, home: Path) -> None:
    registry = Registry(home)
    store.append([order("user-001", HIT)])
    newer = refresh(store, home, None, StepLog()).bundle.manifest.version
    registry.rollback()
    registry.begin_canary(newer, share=10, hours=1, force="a test")
    result = refresh(store, home, None, StepLog())
    assert result.verdict is None
    assert "is a canary" in result.reason
    canary = registry.canary()
    assert canary is not None
    assert canary.is_running


def test_a_release_that_became_live_meanwhile_is_not_overwritten(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([order("user-001", HIT)])
    first = refresh(store, home, None, StepLog()).bundle.manifest.version
    store.append([order("user-003", HIT)])
    publish = Registry.publish

    def slow_publish(registry: Registry, write: Callable[[Path], Bundle]) -> Bundle:
        bundle = publish(registry, write)
        registry.rollback()
        return bundle

    monkeypatch.setattr(Registry, "publish", slow_publish)
    with pytest.raises(StaleJob, match=f"became live in place of {first}"):
        refresh(store, home, None, StepLog())


def test_a_job_that_lost_the_lock_promotes_nothing(store: Store, home: Path) -> None:
    live, registry = Registry(home).live(), Registry(home)
    registry.begin_generation(5)
    store.append([order("user-001", HIT)])
    with pytest.raises(StaleJob, match="generation 4"):
        refresh(store, home, None, StepLog(), generation=4)
    assert registry.live() == live


def test_what_a_customer_did_with_an_item_that_came_since_still_counts(store: Store, home: Path) -> None:
    store.put_items([Item(item_id="fresh", name="Fresh", category="category-3", brand="brand-0")])
    store.append([order("user-001", "fresh"), order("only-fresh", "fresh")])
    result, after = refreshed(store, home)
    assert result.verdict is not None
    assert (result.verdict.reasons, result.bundle.manifest.sizes["items"]) == ([], 24)
    bought = [
        event.item_id for event in after.engine.unnumbered_events.of_user(after.engine.users.position("user-001"))
    ]
    assert bought == ["fresh"]
    forgetful = replace(after, engine=replace(after.engine, unnumbered_events=UnnumberedEvents()))
    assert "fresh" in items_of(forgetful, "discover", "user-001")
    assert "fresh" not in items_of(after, "discover", "user-001")
    assert len(items_of(after, "home", "only-fresh")) == 10
    assert after.engine.users.position("only-fresh") >= 0


def test_a_refreshed_release_is_signed_like_every_other(store: Store, home: Path) -> None:
    create_signing_key(home, home / "bundles", now_ms=LATER_MS)
    store.append([order("user-001", HIT)])
    version = refresh(store, home, None, StepLog()).bundle.manifest.version
    trusted = read_trusted_keys(home)
    assert trusted is not None
    assert open_release(home / "bundles", version, trusted=trusted).manifest.version == version


def test_a_damaged_file_of_the_live_release_is_not_passed_on(store: Store, home: Path) -> None:
    base = live_bundle(home)
    file = base.file("models/als/item_vectors.npy")
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1] + b"\xff")
    store.append([order("user-001", HIT)])
    with pytest.raises(BadBundle, match="sha256 differs"):
        refresh(store, home, None, StepLog())
