"""A canary of two real workers: a bad one goes back by itself, a good one goes forward, and is rolled back."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import polars as pl
import pytest

from recsys.bundle import Bundle, open_bundle, write_bundle
from recsys.canary.split import bucket_of
from recsys.canary.state import Canary
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import EVENT_SCHEMA, Event
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.testing import small_items
from recsys.time_units import HOUR_MS, now_ms
from tests.homes import copy_home
from tests.resilience.running import new_connections, service, url_of
from training.canary.judge import judge_canary, look_at_canary
from training.canary.settings import CanarySettings
from training.registry import Registry

pytestmark = pytest.mark.slow
USERS = [f"user-{n:03}" for n in range(100)]
BAD, GOOD = "bad", "good"


@pytest.fixture(scope="module")
def home(trained_home: Path, shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A live release, one that knows no customer by their id, and a copy of the live one."""
    home = copy_home(trained_home, tmp_path_factory.mktemp("canary") / "home")
    registry = Registry(home)
    live = open_bundle(home / "bundles" / str(registry.live()))
    strangers = [event._replace(user_id=f"x-{event.user_id}") for event in shop_events]
    snapshot = Snapshot(
        read_events([pl.DataFrame(strangers, schema=EVENT_SCHEMA, orient="row")]),
        small_items(),
        log_seq=live.manifest.log_seq,
        item_revision=live.manifest.item_revision,
    )
    recipe = read_recipe(None, validation_days=28, seed=0, optional_seconds=0)
    registry.publish(lambda directory: build_bundle(snapshot, directory, recipe, StepLog(), version=BAD))
    registry.publish(lambda directory: copied(live, directory, GOOD))
    return home


def copied(bundle: Bundle, directory: Path, version: str) -> Bundle:
    def copy_others(target: Path) -> None:
        for name in bundle.manifest.files:
            if not name.endswith(".npy"):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(bundle.file(name), target / name)

    manifest = bundle.manifest.model_copy(update={"version": version, "files": {}})
    return write_bundle(directory, {name: bundle.array(name) for name in bundle.names}, manifest, copy_others)


@pytest.fixture(scope="module")
def ask(home: Path) -> Iterator[Callable[[str], str]]:
    """The release that answers a customer, by whichever of two workers."""
    with service(home, workers=2) as server, new_connections() as web:

        def version_for(user_id: str) -> str:
            answer: httpx.Response = web.get(f"{url_of(server)}/v1/users/{user_id}/recommendations?k=5")
            assert answer.status_code == 200
            return str(answer.json()["model_version"])

        yield version_for


def wait_until(done: Callable[[], bool], seconds: float = 120.0) -> float:
    began = time.monotonic()
    while not done():
        assert time.monotonic() < began + seconds, "it did not happen in time"
    return time.monotonic() - began


def all_get(ask: Callable[[str], str], version: str) -> bool:
    """Whether all customers do, each asked twice: of forty answers both workers give some."""
    return {ask(user) for user in USERS[:20] for _ in range(2)} == {version}


def n_logged(store: Store, registry: Registry) -> int:
    """Customers of the canary whose lists the workers have written down."""
    report = look_at_canary(store, registry, now_ms())
    return 0 if report is None else report.outcomes.canary.customers["clicked"].n


def is_in(canary: Canary, user_id: str) -> bool:
    return bucket_of(user_id, canary.version) < canary.n_buckets


def test_a_canary_that_knows_nobody_goes_back_by_itself_and_its_customers_are_few(
    home: Path, ask: Callable[[str], str]
) -> None:
    registry = Registry(home)
    canary = registry.begin_canary(BAD, share=30, hours=24)
    inside = next(user for user in USERS if is_in(canary, user))
    wait_until(lambda: all(ask(inside) == BAD for _ in range(8)))
    wait_until(lambda: {ask(user) for user in USERS} <= {BAD, canary.champion} and registry.canary() != canary)
    wait_until(lambda: all_get(ask, canary.champion))
    with closing(open_store(home, None)) as store:
        report = judge_canary(store, registry, CanarySettings(), now_ms())
    assert report is not None
    assert report.is_news
    assert report.canary.outcome == "back"
    verdict = registry.verdict(BAD)
    assert verdict is not None
    assert verdict.outcome == "rejected"
    assert "not personal for" in verdict.reasons[0]


def test_a_good_canary_goes_forward_and_a_rollback_is_live_in_both_workers(
    home: Path, ask: Callable[[str], str], record_property: Callable[[str, object], None]
) -> None:
    registry, before = Registry(home), str(Registry(home).live())
    canary = registry.begin_canary(GOOD, share=50, hours=24)
    inside = next(user for user in USERS if is_in(canary, user))
    wait_until(lambda: all(ask(inside) == GOOD for _ in range(8)))
    expected = {user: GOOD if is_in(canary, user) else before for user in USERS}
    wait_until(lambda: {user: ask(user) for user in USERS} == expected)
    assert {user: ask(user) for user in USERS} == expected
    with closing(open_store(home, None)) as store:
        wait_until(lambda: n_logged(store, registry) == sum(version == GOOD for version in expected.values()))
        first = judge_canary(store, registry, CanarySettings(), now_ms())
        later = judge_canary(store, registry, CanarySettings(), now_ms() + 25 * HOUR_MS)
    assert first is not None
    assert later is not None
    assert (first.canary.outcome, later.canary.outcome) == ("running", "forward"), later.canary.reasons
    assert registry.live() == GOOD
    record_property("forward in both workers after s", wait_until(lambda: all_get(ask, GOOD)))
    registry.rollback()
    record_property("rolled back in both workers after s", wait_until(lambda: all_get(ask, before)))
