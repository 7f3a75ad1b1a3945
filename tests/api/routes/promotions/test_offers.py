"""Offers over HTTP: ranked by chance x margin - cost; consent, segments, tiers and budgets hold."""

from typing import Any

from starlette.testclient import TestClient

TENTH = {"id": "tenth", "title": "10 %", "kind": "discount", "categories": ["category-0"], "percent": 10}
HALF = {"id": "half", "title": "50 %", "kind": "discount", "categories": ["category-0"], "percent": 50}
GOLD = {**TENTH, "id": "gold", "kind": "member_price", "percent": 5, "tiers": ["gold"]}


def offers(client: TestClient, user: str, **params: str) -> dict[str, Any]:
    answer = client.get(f"/v1/users/{user}/offers", params=params)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def reasons(document: dict[str, Any]) -> dict[str, str]:
    return {row["promotion_id"]: row["reason"] for row in document["left_out"]}


def ids(document: dict[str, Any]) -> list[str]:
    return [row["promotion_id"] for row in document["offers"]]


def put(client: TestClient, *promotions: dict[str, Any]) -> None:
    answer = client.put("/v1/promotions", json={"promotions": promotions})
    assert answer.status_code == 200, answer.text


def test_offers_are_ranked_by_chance_times_margin_minus_cost(client: TestClient) -> None:
    put(client, {**TENTH, "cost": 0.01}, {**TENTH, "id": "cheap"}, {**HALF}, {**TENTH, "id": "dear", "cost": 1000})
    document = offers(client, "user-002")
    assert ids(document) == ["cheap", "tenth"]
    for row in document["offers"]:
        assert abs(row["value"] - (row["chance"] * row["margin"] - row["cost"])) < 2e-4
    assert set(reasons(document)) == {"half", "dear"}
    assert "25% of the price stands for margin" in document["offers"][0]["assumption"]


def test_a_spent_budget_ends_the_offer(client: TestClient) -> None:
    put(client, {**TENTH, "budget": 50})
    assert ids(offers(client, "user-002")) == ["tenth"]
    fact = {"user_id": "user-004", "kind": "coupon", "ref": "tenth", "text": "redeemed", "value": 49.99}
    assert client.post("/v1/facts", json=fact).status_code == 202
    assert reasons(offers(client, "user-002")) == {"tenth": "the budget is spent"}


def test_refusals_are_obeyed(client: TestClient) -> None:
    put(client, TENTH, {**TENTH, "id": "for-some", "customers": {"orders": {"gte": 1}}})
    assert set(ids(offers(client, "user-002"))) == {"tenth", "for-some"}
    client.put("/v1/users/user-002", json={"consent": {"marketing": False}})
    refused = offers(client, "user-002")
    assert (refused["offers"], refused["note"]) == ([], "the customer refused marketing")
    client.put("/v1/users/user-004", json={"consent": {"personalisation": False}})
    impersonal = offers(client, "user-004")
    assert (ids(impersonal), impersonal["offers"][0]["chance"]) == (["tenth"], None)


def test_a_member_price_is_for_the_tier_that_the_newest_fact_says(client: TestClient) -> None:
    put(client, GOLD)
    assert ids(offers(client, "user-002")) == []
    for tier, at, expected in (("gold", "2017-11-01", ["gold"]), ("silver", "2017-11-02", [])):
        fact = {"user_id": "user-002", "kind": "loyalty", "ref": "club", "text": tier, "value": 10, "at": at}
        assert client.post("/v1/facts", json=fact).status_code == 202
        assert ids(offers(client, "user-002")) == expected


def test_an_unknown_customer_gets_what_is_for_everybody(client: TestClient) -> None:
    put(client, TENTH, GOLD)
    assert ids(offers(client, "nobody")) == ["tenth"]
