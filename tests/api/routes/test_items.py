"""Item routes: an item that is sold out or deleted is gone from the next answer of every path and worker."""

import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient

from recsys.data.events import Event
from recsys.data.store.open import open_store
from tests.homes import publish_live

Worker = Callable[..., TestClient]
Ask = Callable[[TestClient], object]
NOW_MS = time.time_ns() // 1_000_000

ASKS: dict[str, Ask] = {
    "home": lambda client: client.get("/v1/users/user-002/recommendations?k=24").json(),
    "buy-again": lambda client: client.get("/v1/users/user-002/recommendations?k=24&placement=buy-again").json(),
    "anonymous": lambda client: client.post("/v1/recommendations", json={"k": 24}).json(),
    "session": lambda client: client.post("/v1/recommendations", json={"k": 24, "session": ["item-002"]}).json(),
    "similar": lambda client: client.get("/v1/items/item-000/similar?k=24").json(),
}
GONE: dict[str, Callable[[TestClient, str], int]] = {
    "patched": lambda client, item: client.patch(f"/v1/items/{item}", json={"stock": 0}).status_code,
    "put": lambda client, item: client.put(f"/v1/items/{item}", json={"stock": 0}).status_code,
    "in bulk": lambda client, item: client.post("/v1/items", json=[{"item_id": item, "stock": 0}]).status_code,
    "deleted": lambda client, item: client.delete(f"/v1/items/{item}").status_code,
    "too late": lambda client, item: client.patch(f"/v1/items/{item}", json={"available_until": NOW_MS}).status_code,
    "too early": lambda client, item: (
        client.patch(f"/v1/items/{item}", json={"available_from": NOW_MS + 3_600_000}).status_code
    ),
}


def ids(answer: object) -> list[str]:
    assert isinstance(answer, dict)
    return [item["item_id"] for item in answer["items"]]


@pytest.mark.parametrize("how", sorted(GONE))
def test_what_cannot_be_sold_is_gone_from_the_next_answer_of_every_path_and_worker(worker: Worker, how: str) -> None:
    here, there = worker(), worker()
    before = {name: ids(ask(client)) for client in (here, there) for name, ask in ASKS.items()}
    assert all("item-006" in shown for shown in before.values())
    assert GONE[how](here, "item-006") in (200, 204)
    for client in (there, here):
        for name, ask in ASKS.items():
            assert "item-006" not in ids(ask(client)), name


def test_what_is_back_in_stock_is_back_in_the_next_answer(client: TestClient) -> None:
    client.patch("/v1/items/item-006", json={"stock": 0})
    assert "item-006" not in ids(ASKS["home"](client))
    client.patch("/v1/items/item-006", json={"stock": 3})
    assert "item-006" in ids(ASKS["home"](client))


def test_an_item_leaves_a_cached_answer_the_moment_it_is_no_longer_available(client: TestClient) -> None:
    closes = time.time_ns() // 1_000_000 + 700
    client.patch("/v1/items/item-006", json={"available_until": closes})
    assert "item-006" in ids(ASKS["home"](client))
    while time.time_ns() // 1_000_000 < closes:
        ASKS["home"](client)
    assert "item-006" not in ids(ASKS["home"](client))


def test_a_patch_changes_only_what_it_names(client: TestClient) -> None:
    client.patch("/v1/items/item-007", json={"price": 3.5, "cost": 1.5, "attributes": {"size": "L"}})
    body = client.get("/v1/items/item-007").json()
    assert body == {
        "item_id": "item-007",
        "name": "Product 7",
        "category": "category-3",
        "brand": "brand-1",
        "price": 3.5,
        "stock": None,
        "available_from": None,
        "available_until": None,
        "attributes": {"colour": "red", "size": "L"},
        "cost": 1.5,
        "known_from": "catalogue",
    }


def test_a_put_replaces_and_gives_what_a_get_gives(client: TestClient) -> None:
    put = client.put(
        "/v1/items/new%2Fwith slash", json={"name": "New", "price": 2, "available_from": "2024-01-01T00:00:00Z"}
    )
    assert put.status_code == 200
    assert put.json()["available_from"] == 1_704_067_200_000
    assert client.get("/v1/items/new%2Fwith slash").json() == put.json()
    assert client.put("/v1/items/new%2Fwith slash", json={}).json()["name"] is None


def test_a_day_alone_is_available_to_its_end(client: TestClient) -> None:
    client.put("/v1/items/item-001", json={"available_until": "2099-05-01"})
    assert client.get("/v1/items/item-001").json()["available_until"] == 4_081_363_199_999
    client.put("/v1/items/item-001", json={"available_until": "2099-05-01T00:00:00Z"})
    assert client.get("/v1/items/item-001").json()["available_until"] == 4_081_276_800_000


def test_a_deleted_item_is_not_found_until_it_is_put_again(client: TestClient) -> None:
    assert client.delete("/v1/items/item-008").status_code == 204
    for response in (
        client.get("/v1/items/item-008"),
        client.patch("/v1/items/item-008", json={"stock": 1}),
        client.delete("/v1/items/item-008"),
    ):
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "unknown_item"
    assert client.put("/v1/items/item-008", json={"name": "Again"}).status_code == 200
    assert "item-008" in ids(ASKS["home"](client))


def test_an_item_known_by_its_events_only_can_be_taken_out(worker: Worker, home: Path) -> None:
    client = worker()
    client.post("/v1/events", json={"user_id": "u", "item_id": "never-described", "kind": "purchase"})
    assert client.patch("/v1/items/never-described", json={"stock": 0}).status_code == 404
    assert client.put("/v1/items/never-described", json={"stock": 0}).status_code == 200


def test_an_item_known_from_events_only_is_read_as_such_until_it_is_described(
    worker: Worker, shop_events: list[Event], tmp_path: Path
) -> None:
    store = open_store(tmp_path, None)
    store.append(shop_events)
    publish_live(store, tmp_path)
    store.close()
    client = worker(at=tmp_path)
    listed = ids(ASKS["home"](client))
    response = client.get(f"/v1/items/{listed[0]}")
    assert response.status_code == 200
    body = response.json()
    assert body.pop("item_id") == listed[0]
    assert body.pop("known_from") == "events"
    assert body.pop("attributes") == {}
    assert set(body.values()) == {None}
    assert client.patch(f"/v1/items/{listed[0]}", json={"name": "Now it has one"}).json()["known_from"] == "catalogue"
    assert client.get(f"/v1/items/{listed[0]}").json()["known_from"] == "catalogue"
    assert client.delete(f"/v1/items/{listed[1]}").status_code == 204
    assert client.get(f"/v1/items/{listed[1]}").status_code == 404
    assert client.get("/v1/items/never-heard-of").status_code == 404


def test_bulk_is_all_or_none(client: TestClient) -> None:
    response = client.post("/v1/items", json={"items": [{"item_id": "b-1"}, {"item_id": "b-2", "name": "Two"}]})
    assert response.status_code == 200
    assert response.json()["stored"] == 2
    refused = client.post("/v1/items", json=[{"item_id": "b-3"}, {"item_id": "b-4", "price": "cheap"}])
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["field"] == "items.1.price"
    assert client.get("/v1/items/b-3").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"prise": 1},
        {"price": -1},
        {"stock": "many"},
        {"available_from": "2025-01-01", "available_until": "2024-01-01"},
        [],
        7,
        {"attributes": {"nested": {"no": 1}}},
    ],
)
def test_a_bad_item_is_refused(reader: TestClient, body: object) -> None:
    response = reader.put("/v1/items/item-001", json=body)
    assert response.status_code == 422
    assert response.json()["error"]["message"]


def test_a_bulk_of_many_thousand_changes_is_seen_too(worker: Worker) -> None:
    here, there = worker({"RECSYS_SERVE_BATCH_LIMIT": "10000"}), worker()
    assert "item-006" in ids(ASKS["home"](there))
    many = [{"item_id": f"extra-{i}", "stock": 0} for i in range(3_000)] + [{"item_id": "item-006", "stock": 0}]
    assert here.post("/v1/items", content=orjson.dumps(many)).status_code == 200
    assert "item-006" not in ids(ASKS["home"](there))
    assert "item-006" not in ids(ASKS["home"](here))
