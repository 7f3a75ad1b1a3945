"""Segment routes: stored whole or refused, previewed, and used by rules in the next answer."""

from typing import Any

from starlette.testclient import TestClient

EVEN = {"name": "even", "where": {"bought": {"where": {"category": "category-0"}}}}
ODD = {"name": "odd", "where": {"not": {"segment": "even"}}}
PIN = {"id": "r", "kind": "pin", "slot": 1, "items": ["item-021"], "reason": "x", "customers": "segment:even"}


def first(client: TestClient, user: str) -> str:
    return str(client.get(f"/v1/users/{user}/recommendations").json()["items"][0]["item_id"])


def test_segments_are_put_read_tried_and_restored(client: TestClient) -> None:
    assert client.get("/v1/segments").json()["segments"] == []
    put = client.put("/v1/segments", json={"segments": [EVEN, ODD]})
    assert put.status_code == 200, put.text
    assert client.get("/v1/segments").json()["segments"] == [EVEN, ODD]
    text = client.get("/v1/segments", headers={"accept": "application/toml"})
    assert client.put("/v1/segments", content=text.content, headers={"content-type": "application/toml"}).is_success
    tried = client.post("/v1/segments:try", json={"segment": "even"}).json()
    assert (tried["customers"], tried["overlap"][0]["segment"]) == (30, "odd")
    assert client.post("/v1/segments:try", json={"where": {"orders": {"gte": 10**6}}}).json()["customers"] is None
    assert client.get("/v1/segments/versions").json()["versions"][0]["version"] == 1
    assert client.get("/v1/segments/versions/1").json()["segments"] == [EVEN, ODD]
    stale = client.put("/v1/segments", json={}, headers={"if-match": '"other"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "segments_changed")


def test_a_misspelt_name_is_refused_with_its_segment_and_the_nearest_one(client: TestClient) -> None:
    wrong = {"segments": [EVEN, {"name": "late", "where": {"stage": "at_rsk"}}]}
    error = client.put("/v1/segments", json=wrong).json()["error"]
    assert error["code"] == "bad_segments"
    assert error["details"][0]["segment"] == "late"
    assert "did you mean 'at_risk'?" in error["details"][0]["problem"]
    assert client.get("/v1/segments").json()["segments"] == []
    for path in ("/v1/segments:try", "/v1/customers:search"):
        answer = client.post(path, json={"segment": "evn"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unknown_segment")
    both = client.post("/v1/segments:try", json={"segment": "even", "where": {}})
    assert both.status_code == 422


def test_a_null_in_a_condition_is_refused_because_toml_has_none(client: TestClient) -> None:
    for nothing in (None, [None], {"in": [None]}, {"gte": [[None]]}):
        answer = client.put("/v1/segments", json={"segments": [{"name": "nothing", "where": {"city": nothing}}]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_segments")
        promotion = {"id": "p", "kind": "discount", "percent": 5, "items": ["item-021"], "customers": {"city": nothing}}
        assert client.put("/v1/promotions", json={"promotions": [promotion]}).status_code == 422
    assert client.get("/v1/segments").json()["segments"] == []


def test_a_rule_for_a_segment_counts_in_the_next_answer_of_its_members_alone(client: TestClient) -> None:
    before = first(client, "user-002"), first(client, "user-003")
    client.put("/v1/segments", json={"segments": [EVEN]})
    assert client.put("/v1/rules", json={"rules": [PIN]}).is_success
    assert (first(client, "user-002"), first(client, "user-003")) == ("item-021", before[1])
    gone = client.put("/v1/segments", json={})
    assert "the rule 'r' is meant for it" in gone.json()["error"]["message"]
    body = {"ask": {"user_id": "user-002"}, "rules": {"rules": [PIN]}}
    assert client.post("/v1/rules:try", json=body).json()["rules"][0]["holds"]


def test_rules_for_an_attribute_that_nobody_has_are_refused(client: TestClient) -> None:
    client.post("/v1/users", json=[{"user_id": "user-002", "attributes": {"country": "AT"}}])
    misspelt = {**PIN, "segment": {"contry": "AT"}}
    del misspelt["customers"]
    error = client.put("/v1/rules", json={"rules": [misspelt]}).json()["error"]
    assert "no customer has the attribute 'contry'; did you mean 'country'?" in error["details"][0]["problem"]
    body: dict[str, Any] = {"ask": {}, "rules": {"rules": [misspelt]}}
    assert client.post("/v1/rules:try", json=body).json()["error"]["code"] == "bad_rules"


def test_customers_are_searched_by_condition_order_and_page(client: TestClient) -> None:
    body = {"where": EVEN["where"], "order": "money", "fields": ["user_id", "money"], "limit": 2}
    pages = [client.post("/v1/customers:search", json={**body, "offset": offset}).json() for offset in (0, 2)]
    rows = [row for page in pages for row in page["rows"]]
    assert [row["money"] for row in rows] == sorted((row["money"] for row in rows), reverse=True)
    assert len({row["user_id"] for row in rows}) == 4
    assert pages[0]["customers"] == 30
    assert rows[0].keys() == {"user_id", "money"}
    wrong = client.post("/v1/customers:search", json={**body, "order": "mony"}).json()["error"]
    assert "did you mean 'money'?" in wrong["message"]
