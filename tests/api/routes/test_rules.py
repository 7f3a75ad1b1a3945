"""Rule routes: rules are stored whole or refused, are in service in every worker at once, and can be previewed."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

Worker = Callable[..., TestClient]
Json = dict[str, Any]
USER = "/v1/users/user-003/recommendations"


def shown(client: TestClient, **params: Any) -> list[str]:
    return [item["item_id"] for item in client.get(USER, params=params).json()["items"]]


def block(*item_ids: str, **more: Any) -> Json:
    return {"rules": [{"id": "gone", "kind": "block", "items": item_ids, "reason": "Called back", **more}]}


def wait_for(done: Callable[[], bool], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)


def test_rules_count_in_the_next_answer_and_soon_in_every_worker(worker: Worker) -> None:
    here, there = worker(), worker()
    first = shown(here)[0]
    assert shown(there)[0] == first
    response = here.put("/v1/rules", json=block(first))
    assert response.status_code == 200, response.text
    assert response.json()["in_service"] == response.json()["digest"]
    assert first not in shown(here)
    wait_for(lambda: first not in shown(there))
    assert here.put("/v1/rules", json={}).status_code == 200
    assert shown(here)[0] == first
    wait_for(lambda: shown(there)[0] == first)


def test_what_was_put_is_read_back_as_json_and_as_toml(client: TestClient) -> None:
    assert client.get("/v1/rules").json()["rules"] == []
    etag = client.put("/v1/rules", json=block("item-001")).headers["etag"]
    read = client.get("/v1/rules")
    assert read.headers["etag"] == etag
    assert read.json()["rules"] == [{**block()["rules"][0], "items": ["item-001"]}]
    text = client.get("/v1/rules", headers={"accept": "application/toml"})
    assert text.headers["content-type"].startswith("application/toml")
    again = client.put("/v1/rules", content=text.content, headers={"content-type": "application/toml"})
    assert again.headers["etag"] == etag


def test_bad_rules_are_refused_with_each_line_and_the_old_ones_stay(client: TestClient) -> None:
    first = shown(client)[0]
    client.put("/v1/rules", json=block(first))
    text = '[[rules]]\nid = "a"\nkind = "cap"\nper = "brand"\nmost = 0\nreason = "Two"\n'
    refused = client.put("/v1/rules", content=text, headers={"content-type": "application/toml"})
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "bad_rules"
    assert refused.json()["error"]["details"][0]["line"] == 5
    assert first not in shown(client)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"rule": []}, "invalid"),
        (block(), "bad_rules"),
        (block("a", placements=["hmoe"]), "bad_rules"),
        ([], "invalid"),
    ],
)
def test_invalid_json_rules_are_refused(reader: TestClient, sent: object, code: str) -> None:
    refused = reader.put("/v1/rules", json=sent)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, code)


def test_a_change_of_rules_that_changed_meanwhile_is_refused(client: TestClient) -> None:
    etag = client.get("/v1/rules").headers["etag"]
    assert client.put("/v1/rules", json=block("item-001"), headers={"if-match": etag}).status_code == 200
    late = client.put("/v1/rules", json={}, headers={"if-match": etag})
    assert (late.status_code, late.json()["error"]["code"]) == (412, "rules_changed")
    assert client.get("/v1/rules").json()["rules"]


def test_every_version_of_the_rules_can_be_restored(client: TestClient) -> None:
    first = shown(client)[0]
    client.put("/v1/rules", json=block(first))
    client.put("/v1/rules", json={})
    versions = client.get("/v1/rules/versions").json()["versions"]
    assert [version["version"] for version in versions] == [2, 1]
    old = client.get("/v1/rules/versions/1", headers={"accept": "application/toml"})
    client.put("/v1/rules", content=old.content, headers={"content-type": "application/toml"})
    assert first not in shown(client)
    assert client.get("/v1/rules/versions/9").status_code == 404


def test_an_invalid_rules_file_is_refused_and_reported_and_a_valid_one_is_taken(client: TestClient, home: Path) -> None:
    first = shown(client)[0]
    client.put("/v1/rules", json=block(first))
    (home / "rules.toml").write_text('[[rules]]\nid = "a"\nkind = "blck"\nreason = "b"\nitems = ["a"]\n')
    wait_for(lambda: bool(client.get("/readyz").json()["warnings"]))
    warning = next(entry for entry in client.get("/readyz").json()["warnings"] if entry.startswith("rules:"))
    assert "rules.toml: line 3: a: kind" in warning
    assert "recsys_rules_refused_total 1.0" in client.get("/metrics").text
    assert first not in shown(client)
    assert client.get("/v1/rules").json()["refusal"] in warning
    (home / "rules.toml").unlink()
    wait_for(lambda: first in shown(client))
    assert not [entry for entry in client.get("/readyz").json()["warnings"] if entry.startswith("rules:")]


def test_a_file_that_is_being_written_is_not_read_before_it_is_complete(client: TestClient, home: Path) -> None:
    first, file = shown(client)[0], home / "rules.toml"
    client.put("/v1/rules", json=block(first))
    looks = client.app.app.state.app_state.releases.reload_rules_if_changed  # type: ignore[attr-defined]
    half_written = file.stat().st_mtime + 30
    with file.open("r+") as out:
        out.truncate(0)
        os.utime(file, (half_written, half_written))
        for _ in range(3):
            client.portal.call(looks)  # type: ignore[union-attr]
        assert first not in shown(client)
    os.utime(file, (half_written - 60, half_written - 60))
    client.portal.call(looks)  # type: ignore[union-attr]
    assert first in shown(client)


def test_a_worker_that_starts_with_an_invalid_file_has_the_last_valid_rules(worker: Worker, home: Path) -> None:
    before = worker()
    first = shown(before)[0]
    before.put("/v1/rules", json=block(first))
    (home / "rules.toml").write_text("rules = 1")
    assert first not in shown(worker())


def test_rules_and_no_rules_are_kept_apart_in_the_cache(client: TestClient) -> None:
    lists = []
    for rules in ({}, block(shown(client)[0]), {}, block(shown(client)[0])):
        client.put("/v1/rules", json=rules)
        lists.append([shown(client), shown(client)])
    assert lists[0] == lists[2] != lists[1] == lists[3]


def test_a_rule_opens_and_closes_by_itself_in_cached_answers_too(client: TestClient) -> None:
    first = shown(client)[0]
    opens, closes = time.time() + 2, time.time() + 5
    rule = block(first, **{"from": iso(opens), "until": iso(closes)})
    assert client.put("/v1/rules", json=rule).status_code == 200
    before = shown(client)
    assert first in before or time.time() >= int(opens)
    wait_for(lambda: first not in shown(client))
    assert time.time() >= int(opens)
    wait_for(lambda: first in shown(client))
    assert time.time() >= int(closes)


def iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))


def test_a_rule_for_a_segment_holds_for_customers_the_release_knows(worker: Worker, home: Path) -> None:
    from recsys.data.entities import User
    from recsys.data.store.open import open_store

    client = worker()
    first = shown(client)[0]
    client.post("/v1/users", json=[{"user_id": "user-001", "attributes": {"age": "35-44"}}])
    client.put("/v1/rules", json=block(first, segment={"age": "35-44"}))
    assert first in shown(client)
    store = open_store(home, None)
    store.put_users([User("user-003", {"age": "35-44"})])
    store.close()
    assert first not in shown(client)
    client.put("/v1/rules", json=block(first, segment={"age": "18-24"}))
    assert first in shown(client)


def test_a_preview_shows_both_lists_and_their_differences_and_stores_nothing(client: TestClient) -> None:
    plain = shown(client, k=5)
    rules = block(plain[0])["rules"]
    pin = {"id": "first", "kind": "pin", "slot": 1, "items": [plain[3]], "reason": "New"}
    off = {"id": "later", "kind": "bury", "brands": ["brand-1"], "from": "2999-01-01", "reason": "Not yet"}
    ask = {"user_id": "user-003", "k": 5}
    body = client.post("/v1/rules:try", json={"ask": ask, "rules": {"rules": [*rules, pin, off]}}).json()
    assert [item["item_id"] for item in body["without"]] == plain
    assert [item["item_id"] for item in body["with"]][:2] == [plain[3], plain[1]]
    assert [(move["item_id"], move["before"], move["rules"]) for move in body["went_out"]] == [(plain[0], 1, ["gone"])]
    assert [move["after"] for move in body["came_in"]] == [5]
    assert {"item_id": plain[3], "before": 4, "after": 1, "rules": ["first"]}.items() <= body["moved"][0].items()
    assert [(use["rule"], use["holds"]) for use in body["rules"]] == [("gone", True), ("first", True), ("later", False)]
    assert client.get("/v1/rules").json()["rules"] == []
    assert shown(client, k=5) == plain


def test_a_preview_says_which_rule_shortens_the_list_and_to_what_length(client: TestClient) -> None:
    rules = block(*(f"item-{item:03}" for item in range(16)))["rules"]
    body = client.post("/v1/rules:try", json={"ask": {"user_id": "user-003"}, "rules": {"rules": rules}}).json()
    assert (len(body["without"]), len(body["with"])) == (10, 8)
    assert [use["leaves"] for use in body["rules"]] == [8]


def test_a_preview_of_several_rows_is_refused(client: TestClient) -> None:
    for path, body in (("/v1/rules:try", {"rules": {"rules": []}}), ("/v1/explain", {"item_id": "item-001"})):
        answer = client.post(path, json={"ask": {"user_id": "user-003", "rows": True}, **body})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
        assert "rows" in answer.json()["error"]["message"]


def test_a_preview_may_compare_with_the_rules_in_service(client: TestClient) -> None:
    plain = shown(client, k=5)
    client.put("/v1/rules", json=block(plain[0]))
    body = {"ask": {"user_id": "user-003", "k": 5}, "toml": "", "against": "in-service"}
    answer = client.post("/v1/rules:try", json=body).json()
    assert [move["item_id"] for move in answer["came_in"]] == [plain[0]]


def test_a_preview_of_the_shop_counts_the_lists_that_change(client: TestClient) -> None:
    gone = shown(client, k=5)[0]
    ask = {"user_id": "user-003", "k": 5}
    body = {"ask": ask, "rules": {"rules": block(gone)["rules"]}, "customers": 30}
    answer = client.post("/v1/rules:try", json=body).json()
    assert answer["shop"]["customers"] == 30
    assert 0 < answer["shop"]["changed"]["low"] < answer["shop"]["changed"]["share"]
    assert answer["shop"]["active"] == {"gone": 1.0}
    refused = client.post("/v1/rules:try", json={**body, "customers": 5})
    assert refused.status_code == 422
    assert "shop" not in client.post("/v1/rules:try", json={"ask": ask, "rules": body["rules"]}).json()
