"""Recommendation routes: lists for customers, visitors and items."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

Json = dict[str, object]


def ids(answer: object) -> list[str]:
    assert isinstance(answer, dict)
    return [item["item_id"] for item in answer["items"]]


def recommended(client: TestClient, **body: object) -> list[str]:
    response = client.post("/v1/recommendations", json=body)
    assert response.status_code == 200, response.text
    return ids(response.json())


def test_a_known_customer_gets_a_full_answer(reader: TestClient) -> None:
    response = reader.get("/v1/users/user-002/recommendations", params={"k": 5, "placement": "home"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert set(answer) == {"items", "placement", "model_version", "fallback", "request_id"}
    assert answer["placement"] == "home"
    assert answer["fallback"] == "personal"
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5]
    first = answer["items"][0]
    assert set(first) == {"item_id", "name", "score", "rank", "reason", "source"}
    assert set(first["reason"]) == {"code", "text", "because"}
    assert first["name"].startswith("Product")


def test_an_unknown_customer_gets_a_list_too(reader: TestClient) -> None:
    answer = reader.get("/v1/users/nobody%20ever/recommendations").json()
    assert len(answer["items"]) == 10
    assert answer["fallback"] == "popular"


@pytest.mark.parametrize("user_id", ["a/b", "ключ", "a b", "x" * 512, "user-002?"])
def test_any_printable_id_is_a_customer(reader: TestClient, user_id: str) -> None:
    response = reader.get(f"/v1/users/{quote(user_id, safe='')}/recommendations")
    assert response.status_code == 200


def test_get_and_post_give_the_same_answer(reader: TestClient) -> None:
    by_path = reader.get("/v1/users/user-003/recommendations", params={"k": 7}).json()
    by_body = reader.post("/v1/recommendations", json={"user_id": "user-003", "k": 7}).json()
    assert by_path.pop("request_id") != by_body.pop("request_id")
    assert by_path == by_body


def test_a_session_event_dated_ahead_counts_as_now(client: TestClient) -> None:
    def with_date(at: str | None) -> list[str]:
        event = {"item_id": "item-001", "kind": "cart", **({"at": at} if at else {})}
        return recommended(client, user_id="user-003", session=[event])

    assert with_date("9999-01-01T00:00:00Z") == with_date(None)


def test_a_body_that_is_no_json_says_so(reader: TestClient) -> None:
    response = reader.post("/v1/recommendations", content=b"{k: 5}")
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "bad_json"


def test_a_price_limit_beyond_all_prices_allows_every_price(client: TestClient) -> None:
    item_ids = recommended(client, filters={"price_to": 1e300}, k=5)
    assert len(item_ids) == 5
    assert recommended(client, filters={"price_from": 1e300}, k=5) == []


def test_every_answer_has_an_id_of_its_own_cached_or_not(client: TestClient) -> None:
    responses = [client.get("/v1/users/user-004/recommendations") for _ in range(3)]
    bodies = [response.json() for response in responses]
    assert len({body["request_id"] for body in bodies}) == 3
    assert [response.headers["x-request-id"] for response in responses] == [body["request_id"] for body in bodies]


def test_a_session_counts_and_another_session_is_another_answer(client: TestClient) -> None:
    even = recommended(client, session=["item-002", {"item_id": "item-004", "kind": "cart"}], placement="discover", k=4)
    odd = recommended(client, session=["item-003", "item-005"], placement="discover", k=4)
    assert {int(item[-3:]) % 2 for item in even} == {0}
    assert {int(item[-3:]) % 2 for item in odd} == {1}


def test_what_is_excluded_or_in_the_basket_is_not_shown_and_the_list_stays_full(reader: TestClient) -> None:
    shown = recommended(reader, user_id="user-002", k=3)
    others = recommended(reader, user_id="user-002", k=3, exclude=shown[:1], context=shown[1:2])
    assert len(others) == 3
    assert not {*shown[:2]} & {*others}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"category_in": ["category-1"]}, {1, 5, 9, 13, 17, 21}),
        ({"category_out": ["category-0", "category-1", "category-2"]}, {3, 7, 11, 15, 19, 23}),
        ({"brand_in": ["brand-0"], "price_to": 7}, {0, 3, 6}),
        ({"brand_out": ["brand-0", "brand-1"], "price_from": 15}, {14, 17, 20, 23}),
        ({"price_from": 3, "price_to": 5}, {2, 3, 4}),
        ({"category_in": ["no such"]}, set()),
        ({"in_stock": True}, set()),
    ],
)
def test_filters_keep_exactly_what_they_allow(reader: TestClient, filters: Json, expected: set[int]) -> None:
    item_ids = recommended(reader, user_id="user-002", k=24, filters=filters)
    assert {int(item[-3:]) for item in item_ids} == expected


def test_the_order_of_names_is_no_part_of_the_query(client: TestClient) -> None:
    first = recommended(client, k=5, exclude=["item-001", "item-000"])
    second = recommended(client, k=5, exclude=["item-000", "item-001", "item-000"])
    assert first == second
    assert 'recsys_answers_total{source="memory"} 1.0' in client.get("/metrics").text


def test_similar_items_are_of_the_same_camp(reader: TestClient) -> None:
    answer = reader.get("/v1/items/item-004/similar", params={"k": 3}).json()
    assert len(answer["items"]) == 3
    assert "item-004" not in ids(answer)
    assert {int(item[-3:]) % 2 for item in ids(answer)} == {0}


def test_similar_to_an_unknown_item_is_not_found(reader: TestClient) -> None:
    response = reader.get("/v1/items/no-such/similar")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_item"


def test_an_unknown_placement_is_named_with_the_nearest(reader: TestClient) -> None:
    response = reader.get("/v1/users/user-001/recommendations", params={"placement": "hone"})
    assert response.status_code == 422
    assert "home" in response.json()["error"]["message"]


def test_before_the_first_training_it_says_so(worker: Callable[..., TestClient], tmp_path: Path) -> None:
    client = worker(at=tmp_path / "empty")
    for response in (client.get("/v1/users/u/recommendations"), client.get("/readyz")):
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "no_live_bundle"
        assert "recsys train" in response.json()["error"]["message"]
    assert client.get("/livez").status_code == 200
    assert client.post("/v1/events", json={"user_id": "u", "item_id": "i", "kind": "view"}).status_code == 202


def test_the_placements_are_named_with_what_they_ask_for(reader: TestClient) -> None:
    placements = {each["name"]: each for each in reader.get("/v1/placements").json()["placements"]}
    assert placements["home"]["title"] == "For you"
    assert (placements["home"]["asks"], placements["similar"]["asks"]) == ("history", "context")
    assert set(placements["home"]["rows"]) <= placements.keys()
