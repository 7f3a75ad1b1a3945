"""Filter expressions over any field or attribute, as a storefront sends them."""

import json

import pytest
from starlette.testclient import TestClient

RED = [f"item-{i:03}" for i in range(24) if i % 5]


def shown(client: TestClient, where: object, **more: object) -> set[int]:
    response = client.post("/v1/recommendations", json={"k": 24, "filters": {"where": where}, **more})
    assert response.status_code == 200, response.text
    return {int(item["item_id"][-3:]) for item in response.json()["items"]}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"colour": "blue"}, {0, 5, 10, 15, 20}),
        ({"colour": {"in": ["blue", "green"]}, "price": {"gt": 1, "lte": 11}}, {5, 10}),
        ({"not": {"or": [{"colour": "red"}, {"brand": "brand-0"}]}}, {5, 10, 20}),
        ({"item_id": ["item-003", "nobody"]}, {3}),
        ({"name": "Product 7"}, {7}),
        ({"stock": {"exists": True}}, set()),
        ({"price": {"gte": 1e300}}, set()),
    ],
)
def test_a_filter_keeps_exactly_the_items_that_pass(reader: TestClient, where: object, expected: set[int]) -> None:
    assert shown(reader, where, user_id="user-002") == expected


def test_a_filter_of_conditions_never_shortens_a_list(client: TestClient) -> None:
    body = {"user_id": "user-003", "k": 4, "filters": {"where": {"colour": "blue"}}}
    items = client.post("/v1/recommendations", json=body).json()["items"]
    assert len(items) == 4
    assert {int(item["item_id"][-3:]) % 5 for item in items} == {0}


def test_a_changed_attribute_counts_in_the_next_answer(client: TestClient) -> None:
    assert 3 not in shown(client, {"colour": "blue"})
    assert client.patch("/v1/items/item-003", json={"attributes": {"colour": "blue", "sizes": ["S", "M"]}}).is_success
    assert 3 in shown(client, {"colour": "blue"})
    assert shown(client, {"sizes": "M"}) == {3}
    assert client.patch("/v1/items/item-003", json={"attributes": {"colour": None}}).is_success
    assert 3 not in shown(client, {"colour": "blue"})


def test_the_same_conditions_in_another_order_are_the_same_query(client: TestClient) -> None:
    first = {"colour": ["red", "blue"], "price": {"lt": 9}}
    second = {"and": [{"price": {"lt": 9.0}}, {"attributes.colour": {"in": ["blue", "red"]}}]}
    assert shown(client, first) == shown(client, second)
    assert 'recsys_answers_total{source="memory"} 1.0' in client.get("/metrics").text
    assert shown(client, {"colour": "blue"}) != shown(client, first)


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ({"price": {"les": 5}}, "body.filters.where: price: 'les' is no operator; did you mean 'lte'?"),
        ("cheap", "body.filters.where: where: must be an object"),
        ({"and": [{"price": {"lt": "5"}}]}, "and[0].price.lt: must be a number"),
    ],
)
def test_invalid_conditions_are_refused(reader: TestClient, where: object, problem: str) -> None:
    response = reader.post("/v1/recommendations", json={"filters": {"where": where}})
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid"
    assert problem in response.json()["error"]["message"]


def test_an_attribute_that_no_item_has_is_an_error_that_names_the_nearest(reader: TestClient) -> None:
    response = reader.post("/v1/recommendations", json={"filters": {"where": {"color": "red"}}})
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "unknown_attribute"
    assert "did you mean 'colour'" in response.json()["error"]["message"]


def test_similar_items_take_conditions_in_the_query(client: TestClient) -> None:
    def similar(where: object) -> list[str]:
        answer = client.get("/v1/items/item-004/similar", params={"k": 24, "where": json.dumps(where)})
        assert answer.status_code == 200, answer.text
        return [item["item_id"] for item in answer.json()["items"]]

    assert {int(item[-3:]) for item in similar({"colour": "blue"})} == {0, 5, 10, 15, 20}
    assert set(similar({"not": {"colour": "blue"}})) == {*RED} - {"item-004"}


def test_conditions_in_a_query_that_are_no_json_are_refused(reader: TestClient) -> None:
    response = reader.get("/v1/items/item-004/similar", params={"where": "price<5"})
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "bad_filter"


def test_the_schema_tells_how_conditions_are_written(reader: TestClient) -> None:
    schemas = reader.get("/openapi.json").json()["components"]["schemas"]
    where = schemas["FiltersIn"]["properties"]["where"]["anyOf"][0]
    assert where["$ref"] == "#/components/schemas/Condition"
    assert where["examples"]
    assert {"eq", "in", "gte", "gt", "lte", "lt", "exists"} == set(schemas["Operators"]["properties"])
