"""An item that nobody has chosen stays new over the trainings of its first weeks, and no longer."""

import time
from pathlib import Path

import pytest

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.engine.new_items import NEW_DAYS, arrival_times
from recsys.progress import StepLog
from recsys.ranking.query import Query
from recsys.ranking.recommender import open_recommender
from recsys.testing import small_items
from recsys.time_units import DAY_MS
from tests.homes import copy_home
from training.job import train

NEW = Item("new-even", "Product new", "category-0", "brand-0", price=3.0)
TODAY_MS = int(time.time() * 1000)


@pytest.fixture(scope="module")
def home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop, trained, then one item added and trained twice again."""
    home = copy_home(trained_home, tmp_path_factory.mktemp("growing") / "home")
    store = store_of(home)
    store.put_items([NEW])
    train(store, home, None, StepLog())
    train(store, home, None, StepLog())
    store.close()
    return home


def store_of(home: Path) -> Store:
    return open_store(home, None)


def new_beside(home: Path, now_ms: int) -> list[str]:
    answer = open_recommender(home, None).recommend(Query(now_ms, "product", 6, context_item_ids=("item-004",)))
    return [item.item_id for item in answer.items if item.source == "new_arrivals"]


def test_an_item_without_events_is_still_new_after_the_next_trainings(home: Path) -> None:
    recommender = open_recommender(home, None)

    assert recommender.catalogue.position("new-even") < recommender.engine.n_items
    assert new_beside(home, TODAY_MS) == ["new-even"]


def test_after_some_weeks_it_is_not_new_any_more(home: Path) -> None:
    assert new_beside(home, TODAY_MS + int((NEW_DAYS + 1) * DAY_MS)) == []


def test_arrival_times_are_passed_on_from_release_to_release(home: Path) -> None:
    before = open_recommender(home, None).bundle
    today, later = TODAY_MS // DAY_MS, TODAY_MS / DAY_MS + NEW_DAYS - 1

    since = arrival_times([*small_items(), NEW, Item("newest")], before, later)

    assert since.keys() == {"new-even", "newest"}
    assert since["new-even"] == pytest.approx(today, abs=0.1)
    assert since["newest"] == later
    assert arrival_times([NEW], before, later + 2) == {}


def test_an_item_that_somebody_bought_is_not_new(home: Path, tmp_path: Path) -> None:
    copy = copy_home(home, tmp_path / "copy")
    store = store_of(copy)
    store.append([Event("first", "user-002", "new-even", Kind.PURCHASE, TODAY_MS - 1_000)])
    train(store, copy, None, StepLog())
    store.close()

    engine = open_recommender(copy, None).engine

    assert not len(engine.new_items.item)
