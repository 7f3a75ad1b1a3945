"""Explain routes, and the same commands in the terminal."""

import os
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from typer.testing import CliRunner

from recsys.cli.app import application

Json = dict[str, Any]
USER = "/v1/users/user-003/recommendations"


def listed(client: TestClient, **params: Any) -> list[Json]:
    items: list[Json] = client.get(USER, params=params).json()["items"]
    return items


def explained(client: TestClient, **params: Any) -> Json:
    response = client.get("/v1/explain", params={"user_id": "user-003", **params})
    assert response.status_code == 200, response.text
    body: Json = response.json()
    return body


def test_explained_items_are_the_same_items_with_scores_of_their_sources(client: TestClient) -> None:
    plain, result = listed(client, k=5), listed(client, k=5, explain="true")
    assert [{name: value for name, value in item.items() if name != "explanation"} for item in result] == plain
    assert all(item["explanation"]["sources"][0]["rank"] >= 1 for item in result)
    body = client.post("/v1/recommendations", json={"user_id": "user-003", "k": 5, "explain": True}).json()
    assert body["items"] == result
    assert listed(client, k=5) == plain


def test_an_explanation_names_the_rules_about_an_item(client: TestClient) -> None:
    last = listed(client, k=20)[-1]["item_id"]
    rule = {"id": "launch", "kind": "pin", "slot": 1, "items": [last], "reason": "It is new."}
    client.put("/v1/rules", json={"rules": [rule]})
    first = listed(client, k=5, explain="true")[0]
    assert first["item_id"] == last
    assert first["explanation"]["rules"] == [{"id": "launch", "kind": "pin", "reason": "It is new."}]
    assert first["explanation"]["own_place"] > 5


def test_why_an_item_is_missing_follows_the_catalogue_and_the_events_at_once(client: TestClient) -> None:
    first = listed(client)[0]["item_id"]
    assert explained(client, item_id=first)["place"] == 1
    client.patch(f"/v1/items/{first}", json={"stock": 0})
    assert explained(client, item_id=first)["code"] == "sold_out"
    client.delete(f"/v1/items/{first}")
    assert explained(client, item_id=first)["code"] == "deleted"
    second = listed(client)[0]["item_id"]
    client.post("/v1/events", json={"user_id": "user-003", "item_id": second, "kind": "dismiss"})
    result = explained(client, item_id=second)
    assert (result["code"], result["facts"]) == ("dismissed", {"days_ago": 0})
    assert explained(client, item_id="nobody knows me")["code"] == "unknown_item"


def test_a_query_with_all_its_fields_may_be_explained(client: TestClient) -> None:
    first = listed(client)[0]["item_id"]
    ask: Json = {"user_id": "user-003", "filters": {"where": {"price": {"gt": 1000}}}}
    body = client.post("/v1/explain", json={"item_id": first, "ask": ask}).json()
    assert (body["code"], body["facts"]["filters"]) == ("filtered", ["where"])
    capped: Json = {"user_id": "user-003", "k": 4, "max_per": {"category": 1}}
    standing = [item["item_id"] for item in client.post("/v1/recommendations", json=capped).json()["items"]]
    missing = next(item["item_id"] for item in listed(client, k=4) if item["item_id"] not in standing)
    body = client.post("/v1/explain", json={"item_id": missing, "ask": capped}).json()
    assert (body["code"], body["facts"]["attribute"]) == ("capped", "category")


def test_an_unknown_placement_and_a_missing_item_are_refused(client: TestClient) -> None:
    assert client.get("/v1/explain").status_code == 422
    for item_id in ("nobody knows me", listed(client)[0]["item_id"]):
        response = client.get("/v1/explain", params={"item_id": item_id, "placement": "hmoe"})
        assert (response.status_code, response.json()["error"]["code"]) == (422, "unknown_placement")


def run(home: Path, *words: str) -> str:
    before = dict(os.environ)
    result = CliRunner().invoke(application(), ["--home", str(home), *words])
    os.environ.update(before)
    return result.output


def test_the_terminal_says_why_and_tries_keeps_and_restores_rules(client: TestClient, home: Path) -> None:
    first = listed(client)[0]["item_id"]
    file = home / "mine.toml"
    file.write_text(f'[[rules]]\nid = "gone"\nkind = "block"\nitems = ["{first}", "x"]\nreason = "Called back."\n')
    assert "shown: It stands at place 1 of 10." in run(home, "why", "user-003", first)
    assert "gone: block, 1 item: Called back." in run(home, "rules", "check", str(file))
    assert f"went out: {first}" in run(home, "rules", "try", str(file), "--user", "user-003")
    assert "1 rules in service" in run(home, "rules", "put", str(file))
    assert "blocked_by_rule: Rule gone takes it out of this list" in run(home, "why", "user-003", first)
    bad = home / "bad.toml"
    bad.write_text('[[rules]]\nid = "a"\nkind = "bury"\nreason = "b"\n')
    assert "bad.toml: line 3: a: kind: a rule of kind bury needs" in run(home, "rules", "check", str(bad))
    assert "line 3" in run(home, "rules", "put", str(bad))
    file.write_text("")
    run(home, "rules", "put", str(file))
    assert run(home, "rules", "history").count(" UTC  ") == 2  # a worker may log a line in between
    run(home, "rules", "restore", "1")
    assert "blocked_by_rule" in run(home, "why", "user-003", first)
