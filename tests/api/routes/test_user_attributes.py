"""Attributes of users without a history: stored ones and those of the request count in the next answer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from recsys.data.entities import User
from recsys.data.events import Event
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.testing import small_items
from tests.homes import publish_live

Worker = Callable[..., TestClient]


@pytest.fixture(scope="module")
def described_home(shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop with a town for each customer: Ulm for those who buy even items, Bonn for the others."""
    home = tmp_path_factory.mktemp("described")
    store = open_store(home, None)
    store.append(shop_events)
    store.put_items(small_items())
    store.put_users([User(f"user-{at:03}", {"town": "Bonn" if at % 2 else "Ulm"}) for at in range(60)])
    publish_live(store, home)
    store.close()
    return home


@pytest.fixture
def described(worker: Worker, described_home: Path) -> TestClient:
    return worker(at=described_home)


@pytest.fixture
def store(described_home: Path) -> Store:
    return open_store(described_home, None)


def camps(answer: dict[str, object]) -> set[int]:
    items = answer["items"]
    assert isinstance(items, list)
    return {int(item["item_id"][-3:]) % 2 for item in items}


def test_attributes_in_the_request_choose_the_list_of_a_visitor(described: TestClient) -> None:
    for town, camp in (("Ulm", 0), ("Bonn", 1), ("Ulm", 0)):
        answer = described.post("/v1/recommendations", json={"k": 5, "attributes": {"town": town}}).json()
        assert camps(answer) == {camp}
        assert answer["fallback"] == "segment"


def test_stored_attributes_count_in_the_next_answer(described: TestClient, store: Store) -> None:
    path = "/v1/users/newcomer/recommendations?k=5"
    assert described.get(path).json()["fallback"] == "popular"

    for town, camp in (("Bonn", 1), ("Ulm", 0)):
        store.put_users([User("newcomer", {"town": town})])
        answer = described.get(path).json()
        assert camps(answer) == {camp}
        assert answer["fallback"] == "segment"


def test_attributes_of_the_request_override_stored_ones(described: TestClient, store: Store) -> None:
    store.put_users([User("mover", {"town": "Ulm"})])

    body = {"user_id": "mover", "k": 5, "attributes": {"town": "Bonn"}}

    assert camps(described.post("/v1/recommendations", json=body).json()) == {1}


def test_the_first_click_of_an_unknown_user_changes_the_next_answer(described: TestClient, store: Store) -> None:
    store.put_users([User("clicker", {"town": "Ulm"})])
    path = "/v1/users/clicker/recommendations?k=5"
    assert camps(described.get(path).json()) == {0}

    described.post("/v1/events", json={"user_id": "clicker", "item_id": "item-003", "kind": "view"})

    answer = described.get(path).json()
    assert camps(answer) == {1}
    assert answer["fallback"] == "personal"


def test_an_invalid_attribute_is_named(described: TestClient) -> None:
    response = described.post("/v1/recommendations", json={"attributes": {"town": {"name": "Ulm"}}})

    assert response.status_code == 422
    assert "attributes" in response.text
