"""Facts over HTTP: the contract of events, consent that counts at once, and a summary without small groups."""

import time
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from api.auth.api_keys import create_key
from recsys.data.facts import Fact, FactKind
from recsys.data.store.open import open_store
from tests.api.conftest import Worker, bearer

AT = 1_700_000_000_000
SEARCH: dict[str, Any] = {"user_id": "u", "kind": "search", "text": "oat milk", "value": 0, "channel": "web"}
YES: dict[str, Any] = {"user_id": "u", "kind": "consent", "ref": "marketing", "channel": "sms", "value": 1, "at": AT}


def verdicts(client: TestClient, body: object) -> list[str]:
    response = client.post("/v1/facts", json=body)
    answer = response.json()
    rows = answer["facts"] if response.status_code == 202 else answer["error"]["details"]
    return [row["verdict"] for row in rows]


def stored(home: Path, user_id: str) -> list[Fact]:
    return open_store(home, None).user_facts(user_id)


def test_a_fact_is_stored_with_all_its_fields_and_sent_again_it_is_not(client: TestClient, home: Path) -> None:
    score = {"fact_id": "f-1", "user_id": "u", "kind": "survey", "at": AT, "value": 9, "text": "ok", "ref": "nps"}
    assert verdicts(client, [score, {**score, "fact_id": "f-2", "value": 8.5}]) == ["accepted", "rejected"]
    assert verdicts(client, {"facts": [score, {**score, "value": 3}]}) == ["duplicate", "conflict"]
    assert stored(home, "u") == [Fact("f-1", "u", FactKind.SURVEY, AT, 9.0, "ok", "nps")]
    answer = client.post("/v1/facts", json={**score, "value": 3})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "event_conflict")
    assert "fact_id: another fact with this id is stored, and they differ: value" in answer.text


def test_a_fact_with_a_time_is_known_by_its_content_and_equal_ones_are_counted(client: TestClient) -> None:
    twice = [{**SEARCH, "at": AT}] * 2
    assert verdicts(client, twice) == ["accepted"] * 2
    assert verdicts(client, twice) == ["duplicate"] * 2
    assert verdicts(client, [{**SEARCH, "fact_id": "now"}]) == ["accepted"]
    assert verdicts(client, [{**SEARCH, "fact_id": "now"}]) == ["duplicate"]


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"text": None}, "text: of a search it is the query"),
    ({"text": "x" * 501}, "text: String should have at most 500 characters"),
    ({"kind": "serch"}, "kind: Input should be"),
    ({"kind": "message", "ref": "c"}, "text: of a message it is one of sent, delivered"),
    ({"kind": "coupon", "text": "given"}, "ref: a coupon needs one: the code"),
    (
        {"kind": "coupon", "ref": "C", "text": "redeemed", "value": -5},
        "value: of a coupon it is the money",
    ),
    ({"kind": "survey", "ref": "csat", "value": 6}, "value: csat is a whole number from 1 to 5"),
    ({"kind": "consent", "ref": "everything"}, "ref: of a consent it is the purpose, personalisation or marketing"),
    ({"kind": "consent", "ref": "marketing", "value": 2}, "value: of a consent it is 1 for yes"),
    ({"at": 4_000_000_000_000}, "more than 5 minutes ahead"),
]


def test_a_fact_that_means_nothing_is_refused_with_what_to_do(client: TestClient) -> None:
    answer = client.post("/v1/facts", json=[{**SEARCH, **change} for change, _ in PROBLEMS])
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_event")
    reasons = [row["reason"] for row in answer.json()["error"]["details"]]
    assert [problem in reason for (_, problem), reason in zip(PROBLEMS, reasons, strict=True)] == [True] * len(PROBLEMS)


def test_a_browser_sends_what_a_customer_does_and_nothing_that_others_vouch_for(worker: Worker, home: Path) -> None:
    page = "https://shop.example"
    _, key = create_key(home / "keys.json", "page", ["events"], now_ms=int(time.time() * 1_000), origins=(page,))
    client = worker()
    sent = [{**SEARCH, "fact_id": "s"}, YES]
    rows = client.post("/v1/facts", json=sent, headers=bearer(key, origin=page)).json()["facts"]
    assert [(row["verdict"], row["fact_id"]) for row in rows] == [("accepted", "browser/s"), ("rejected", None)]


def test_a_summary_tells_nothing_of_small_groups(client: TestClient) -> None:
    searches = [{**SEARCH, "user_id": f"u{n}", "at": AT} for n in range(20)]
    assert set(verdicts(client, [*searches, {**SEARCH, "text": "tofu", "at": AT}])) == {"accepted"}
    answer = client.get("/v1/facts/summary", params={"since": AT - 1, "until": AT + 1}).json()
    assert answer["searches"] == [{"query": "oat milk", "searches": 20, "customers": 20}]
    assert (answer["rare_searches"], answer["nps"], answer["csat"]) == (1, None, None)
    assert client.get("/v1/facts/summary").json()["searches"] == []


def test_a_customer_of_whom_only_a_fact_is_known_is_known(client: TestClient) -> None:
    assert client.get("/v1/users/searcher").status_code == 404
    verdicts(client, {**SEARCH, "user_id": "searcher"})
    assert client.get("/v1/users/searcher").status_code == 200
    exported = client.get("/v1/users/searcher/export").json()
    assert [(fact["kind"], fact["text"]) for fact in exported["facts"]] == [("search", "oat milk")]
