"""Rank route: a storefront sends a list of its own and gets it back in order."""

from starlette.testclient import TestClient

ALL = [f"item-{i:03}" for i in range(24)]


def ranked(client: TestClient, **body: object) -> list[dict[str, object]]:
    response = client.post("/v1/rank", json={"items": ALL, **body})
    assert response.status_code == 200, response.text
    items: list[dict[str, object]] = response.json()["items"]
    return items


def test_a_list_comes_back_in_the_order_of_the_customer(client: TestClient) -> None:
    response = client.post("/v1/rank", json={"user_id": "user-003", "items": [*ALL[:5], "nobody", ALL[0]]})
    answer = response.json()
    assert sorted(item["item_id"] for item in answer["items"]) == ALL[:5]
    assert answer["unknown"] == ["nobody"]
    assert answer["fallback"] in ("personal", "segment", "popular")
    assert set(answer["items"][0]) == {"item_id", "name", "score", "rank", "source", "status"}
    top = client.get("/v1/users/user-003/recommendations", params={"k": 1}).json()["items"][0]["item_id"]
    assert ranked(client, user_id="user-003")[0]["item_id"] == top


def test_an_event_and_a_change_of_stock_count_in_the_next_ranking(client: TestClient) -> None:
    before = ranked(client, user_id="user-003")
    first, second = before[0]["item_id"], before[1]["item_id"]
    assert client.patch(f"/v1/items/{first}", json={"stock": 0}).is_success
    event = {"user_id": "user-003", "item_id": second, "kind": "dismiss"}
    assert client.post("/v1/events", json=event).status_code == 202
    after = ranked(client, user_id="user-003")
    assert [item["item_id"] for item in after[-2:]] == [second, first]
    assert [item["status"] for item in after[-2:]] == ["held_back", "unavailable"]


def test_a_session_decides_for_a_visitor_and_a_long_list_is_ordered_the_same(client: TestClient) -> None:
    short = ranked(client, session=["item-003", "item-005"])
    response = client.post("/v1/rank", json={"items": [*ALL, *(f"x-{i}" for i in range(500))], "session": ALL[3:6:2]})
    assert len(response.json()["unknown"]) == 500
    assert [item["item_id"] for item in response.json()["items"]] == [item["item_id"] for item in short]
    assert int(str(short[0]["item_id"])[-3:]) % 2 == 1


def test_lists_that_are_empty_too_long_or_for_an_unknown_model_are_refused(client: TestClient) -> None:
    for body, code in (
        ({"items": []}, "invalid"),
        ({"items": [f"{i}" for i in range(1_001)]}, "invalid"),
        ({"items": ALL, "model": "alss"}, "unknown_model"),
        ({"items": ALL, "placement": "hmoe"}, "unknown_placement"),
    ):
        response = client.post("/v1/rank", json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (422, code)
