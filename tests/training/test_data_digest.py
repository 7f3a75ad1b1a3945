"""Digest of training data: it goes by content, of everything that is learnt from, and never by a count."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.entities import User
from recsys.data.events import Correction
from recsys.data.facts import Fact, FactKind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.learning.recipe import read_recipe
from recsys.testing import small_events, small_items
from training import data_digest
from training.data_digest import LIBRARIES, digest_training_data

RECIPE = read_recipe(None, validation_days=28, seed=0)
EVENTS, ITEMS = small_events(), small_items()
AGAIN = """
import sys
from pathlib import Path
from recsys.data.dataset.snapshot import read_snapshot
from recsys.data.store.open import open_store
from recsys.learning.recipe import read_recipe
from training.data_digest import digest_training_data
snapshot = read_snapshot(open_store(Path(sys.argv[1]), None))
print(digest_training_data(snapshot, [read_recipe(None, validation_days=28, seed=0), {"b", "a", "c"}]))
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, None)
    store.put_items(ITEMS)
    store.append(EVENTS)
    yield store
    store.close()


def digest(store: Store, settings: object = RECIPE) -> str:
    return digest_training_data(read_snapshot(store), settings)


CHANGES: dict[str, Callable[[Store], object]] = {
    "an event": lambda store: store.append([EVENTS[0]._replace(event_id="new", at_ms=EVENTS[0].at_ms + 1)]),
    "a corrected event": lambda store: store.correct(
        [Correction(EVENTS[0].event_id, EVENTS[0]._replace(quantity=EVENTS[0].quantity + 1))]
    ),
    "an item": lambda store: store.put_items([replace(ITEMS[0], category="another")]),
    "a deleted item": lambda store: store.put_items([replace(ITEMS[0], deleted=True)]),
    "a customer's attribute": lambda store: store.put_users([User(EVENTS[0].user_id, {"town": "Ulm"})]),
    "a withdrawn consent": lambda store: store.put_users([User(EVENTS[0].user_id, consent={"personalisation": False})]),
    "an erased customer": lambda store: store.erase_user(EVENTS[0].user_id),
    "an answer about the shop": lambda store: store.add_facts([Fact("n", "u", FactKind.SURVEY, 1, 9.0, ref="nps")]),
    "merged customers": lambda store: store.merge_users(EVENTS[0].user_id, "somebody else"),
}
SAME: dict[str, Callable[[Store], object]] = {
    "the same events again": lambda store: store.append(EVENTS),
    "the same items again": lambda store: store.put_items(ITEMS[::-1]),
    "a customer of whom nothing was stored": lambda store: store.erase_user("never seen"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_of_the_content_is_another_digest(store: Store, name: str) -> None:
    before = digest(store)
    CHANGES[name](store)
    assert digest(store) != before


@pytest.mark.parametrize("name", SAME)
def test_what_changes_no_content_keeps_the_digest(store: Store, name: str) -> None:
    before, head = digest(store), (store.head(), store.item_revision())
    SAME[name](store)
    assert digest(store) == before
    assert name == "the same events again" or (store.head(), store.item_revision()) != head


def test_settings_are_part_of_the_digest(store: Store) -> None:
    recipes = [RECIPE, replace(RECIPE, seed=1), replace(RECIPE, never_show={"brand": frozenset({"x"})})]
    recipes.append(replace(RECIPE, plan=replace(RECIPE.plan, validation_days=14)))
    assert len({digest(store, recipe) for recipe in recipes}) == 4


@pytest.mark.parametrize("changed", ["jax", "numpy", "scikit-learn"])
def test_another_version_of_a_library_that_learns_is_another_digest(
    store: Store, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    before = digest(store)
    versions = {name: version(name) for name in LIBRARIES} | {changed: "0.0.1"}
    monkeypatch.setattr(data_digest, "version", versions.__getitem__)
    assert digest(store) != before


def test_an_extra_that_is_not_installed_needs_no_version(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    before = digest(store)
    monkeypatch.setattr(data_digest, "version", missing)
    assert digest(store) != before


def test_another_process_computes_the_same_digest(store: Store, tmp_path: Path) -> None:
    command = [sys.executable, "-c", AGAIN, str(tmp_path)]
    there = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip()
    assert there == digest(store, [RECIPE, {"c", "a", "b"}])
