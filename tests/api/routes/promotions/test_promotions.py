"""Promotion routes: stored whole or refused with each line, and never overwritten unseen."""

from starlette.testclient import TestClient

TENTH = {"id": "tenth", "title": "10 %", "kind": "discount", "categories": ["category-0"], "percent": 10}


def test_promotions_are_put_read_and_restored(client: TestClient) -> None:
    assert client.get("/v1/promotions").json()["promotions"] == []
    put = client.put("/v1/promotions", json={"promotions": [TENTH]})
    assert put.status_code == 200, put.text
    assert client.get("/v1/promotions").json()["promotions"] == [TENTH]
    text = client.get("/v1/promotions", headers={"accept": "application/toml"})
    assert client.put("/v1/promotions", content=text.content, headers={"content-type": "application/toml"}).is_success
    assert client.get("/v1/promotions/versions").json()["versions"][0]["version"] == 1
    assert client.get("/v1/promotions/versions/1").json()["promotions"] == [TENTH]
    stale = client.put("/v1/promotions", json={}, headers={"if-match": '"other"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "promotions_changed")


def test_a_fault_names_its_promotion_and_nothing_changes(client: TestClient) -> None:
    for wrong in ({**TENTH, "percent": None}, {**TENTH, "categories": ["category-9"]}):
        error = client.put("/v1/promotions", json={"promotions": [wrong]}).json()["error"]
        assert (error["code"], error["details"][0]["promotion"]) == ("bad_promotions", "tenth")
    assert client.get("/v1/promotions").json()["promotions"] == []


def test_a_segment_that_a_promotion_needs_stays(client: TestClient) -> None:
    client.put("/v1/segments", json={"segments": [{"name": "all", "where": {"orders": {"gte": 0}}}]})
    assert client.put("/v1/promotions", json={"promotions": [{**TENTH, "segment": "all"}]}).is_success
    gone = client.put("/v1/segments", json={})
    assert "the promotion 'tenth' is meant for it" in gone.json()["error"]["message"]
