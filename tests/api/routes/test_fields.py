"""Parameter `fields` of lists: every list takes it, caches keep it apart, and a change of an item shows at once."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

Send = Callable[[TestClient, list[str]], Any]
FIELDS = ["price", "brand", "left"]


def from_path(path: str, key: str = "items") -> Send:
    return lambda client, fields: client.get(path, params={"fields": ",".join(fields)}).json()[key]


def from_body(path: str, body: dict[str, Any], key: str = "items") -> Send:
    return lambda client, fields: client.post(path, json=body | {"fields": fields}).json()[key]


LISTS: dict[str, Send] = {
    "customer": from_path("/v1/users/user-003/recommendations"),
    "similar": from_path("/v1/items/item-003/similar"),
    "query": from_body("/v1/recommendations", {"user_id": "user-003"}),
    "rank": from_body("/v1/rank", {"items": ["item-003", "item-004"]}),
    "audience": from_path("/v1/items/item-003/audience", "customers"),
    "audience of many": from_body("/v1/audience", {"where": {"price": {"lt": 9}}}, "customers"),
    "rows": lambda client, fields: [
        item
        for row in client.post(
            "/v1/recommendations", json={"user_id": "user-003", "rows": True, "fields": fields}
        ).json()["rows"]
        for item in row["items"]
    ],
    "batch": lambda client, fields: client.post(
        "/v1/recommendations:batch", json={"asks": [{"fields": fields}]}
    ).json()["answers"][0]["answer"]["items"],
}


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_the_named_fields_and_none_without(name: str, reader: TestClient) -> None:
    items = LISTS[name](reader, FIELDS)
    prices = {item["item_id"]: item["fields"]["price"] for item in items}
    assert items
    assert all(price == 1 + int(item_id.removeprefix("item-")) for item_id, price in prices.items())
    assert all([*item["fields"]] == FIELDS for item in items)
    assert all("fields" not in item for item in LISTS[name](reader, []))


def test_the_order_of_fields_makes_no_other_query_and_other_fields_do(reader: TestClient) -> None:
    path = "/v1/users/user-005/recommendations"
    one, same, other = (
        reader.get(f"{path}?fields={text}").json() for text in ("price,left", "left,price,price", "left")
    )
    assert one["items"] == same["items"]
    assert [*other["items"][0]["fields"]] == ["left"]
    assert "fields" not in reader.get(path).json()["items"][0]


def test_a_change_of_an_item_shows_in_the_next_answer(client: TestClient) -> None:
    path = "/v1/items/item-003/similar?fields=price,image"
    first = client.get(path).json()["items"][0]["item_id"]
    change = {"price": 3.49, "attributes": {"image": "https://shop.example/new.jpg"}}
    assert client.patch(f"/v1/items/{first}", json=change).is_success
    fields = {item["item_id"]: item["fields"] for item in client.get(path).json()["items"]}
    assert fields[first] == {"price": 3.49, "image": "https://shop.example/new.jpg"}


def test_what_looks_like_markup_is_text_in_json(client: TestClient) -> None:
    brand = '</script><script>alert("1")</script>'
    assert client.patch("/v1/items/item-005", json={"brand": brand}).is_success
    response = client.post("/v1/rank", json={"items": ["item-005"], "fields": ["brand"]})
    assert response.headers["content-type"] == "application/json"
    assert response.json()["items"][0]["fields"] == {"brand": brand}


@pytest.mark.parametrize("path", ["/v1/users/user-003/recommendations", "/v1/items/item-003/similar"])
def test_a_field_that_there_is_not_is_named(path: str, reader: TestClient) -> None:
    response = reader.get(f"{path}?fields=price,prise")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")
    assert "fields" in response.text
    assert "'image'" in response.text
