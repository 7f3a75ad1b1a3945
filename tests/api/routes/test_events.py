"""Event route: durable before they are acknowledged, each with its verdict, counted in the next answer."""

import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient

from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from tests.api.conftest import SHOP, bearer, new_key

Worker = Callable[..., TestClient]
VIEW = {"user_id": "u", "item_id": "item-001", "kind": "view"}


def verdicts(client: TestClient, body: object) -> list[str]:
    response = client.post("/v1/events", json=body)
    assert response.status_code == 202, response.text
    return [event["verdict"] for event in response.json()["events"]]


def stored(home: Path, user_id: str) -> list[Event]:
    store = open_store(home, None)
    result = store.user_events(user_id)
    store.close()
    return result


def test_one_event_is_stored_with_all_its_fields(client: TestClient, home: Path) -> None:
    at_ms = time.time_ns() // 1_000_000 - 5_000
    sent = {
        "event_id": "e-1",
        "user_id": "u",
        "item_id": "item-001",
        "kind": "purchase",
        "at": at_ms,
        "quantity": 2,
        "price": 1.25,
        "order_id": "o-1",
        "channel": "web",
        "request_id": "r-1",
        "discount": 0.3,
        "coupon": "SPRING",
        "campaign": "mail-7",
    }
    assert verdicts(client, sent) == ["accepted"]
    expected = Event(
        "e-1", "u", "item-001", Kind.PURCHASE, at_ms, 2.0, 1.25, "o-1", None, "web", "r-1", 0.3, "SPRING", "mail-7"
    )
    assert stored(home, "u") == [expected]


def test_two_events_that_differ_only_in_quantity_are_both_stored_and_sent_again_neither(
    client: TestClient, home: Path
) -> None:
    bought = {**VIEW, "kind": "purchase", "at": 1_700_000_000_000}
    both = [bought, {**bought, "quantity": 3}]
    assert verdicts(client, both) == ["accepted", "accepted"]
    assert verdicts(client, both) == ["duplicate", "duplicate"]
    assert sorted(event.quantity for event in stored(home, "u")) == [1.0, 3.0]


@pytest.mark.parametrize(
    "more",
    [{"quantity": 1e30}, {"price": 1e30}, {"kind": "rating", "rating": 1e30}, {"kind": "rating", "rating": -1e30}],
)
def test_a_number_that_would_break_every_training_is_refused(reader: TestClient, more: dict[str, object]) -> None:
    response = reader.post("/v1/events", json={**VIEW, **more})
    assert response.status_code == 422
    assert f"{list(more)[-1]}: Input should be" in response.json()["error"]["message"]


@pytest.mark.parametrize("body", [VIEW, [VIEW], {"events": [VIEW]}])
def test_an_event_comes_alone_in_a_list_or_under_its_name(client: TestClient, body: object) -> None:
    assert verdicts(client, body) == ["accepted"]


def test_ids_are_trimmed_and_composed_as_an_import_does(client: TestClient, home: Path) -> None:
    assert verdicts(client, {"user_id": " Ren\u00e9 ", "item_id": " item-001\u200b", "kind": "view"}) == ["accepted"]
    assert verdicts(client, {"user_id": "Rene\u0301", "item_id": "item-001", "kind": "view"}) == ["accepted"]
    assert [event.item_id for event in stored(home, "Ren\u00e9")] == ["item-001"] * 2


def test_an_order_of_a_guest_is_stored_as_a_visitor_of_its_own(client: TestClient, home: Path) -> None:
    bought = {"user_id": "Guest", "item_id": "item-001", "kind": "purchase", "order_id": "o-7"}
    assert verdicts(client, [bought, {**bought, "item_id": "item-002"}]) == ["accepted"] * 2
    assert [event.item_id for event in stored(home, "guest:o-7")] == ["item-001", "item-002"]
    assert stored(home, "Guest") == []


def test_the_same_id_twice_is_stored_once(client: TestClient, home: Path) -> None:
    event = {**VIEW, "event_id": "same"}
    assert verdicts(client, [event, event]) == ["accepted", "duplicate"]
    assert verdicts(client, event) == ["duplicate"]
    assert len(stored(home, "u")) == 1


def test_another_event_with_a_known_id_is_a_conflict_and_never_a_success(client: TestClient, home: Path) -> None:
    event = {**VIEW, "event_id": "order-1/1", "kind": "purchase", "at": 1_700_000_000_000, "price": 2.5}
    assert verdicts(client, event) == ["accepted"]
    other = {**event, "user_id": "somebody", "price": 9}
    assert verdicts(client, [other, event, VIEW]) == ["conflict", "duplicate", "accepted"]
    alone = client.post("/v1/events", json=other)
    assert (alone.status_code, alone.json()["error"]["code"]) == (409, "event_conflict")
    (verdict,) = alone.json()["error"]["details"]
    assert verdict == {
        "index": 0,
        "event_id": "order-1/1",
        "verdict": "conflict",
        "reason": "event_id: another event with this id is stored, and they differ: user_id, price",
    }
    assert 'recsys_events_total{verdict="conflict"} 2.0' in client.get("/metrics").text
    assert [event.price for event in stored(home, "u")] == [2.5, None]


def test_a_retry_without_a_time_is_the_same_event(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [{**VIEW, "event_id": "own"}, {**VIEW, "user_id": "guest", "event_id": "guests"}]
    assert verdicts(client, events) == ["accepted"] * 2
    monkeypatch.setattr("api.event_ingestion.unix_ms", lambda: 1_800_000_000_000)
    assert verdicts(client, events) == ["duplicate"] * 2
    assert verdicts(client, [{**event, "item_id": "item-002"} for event in [*events, VIEW]]) == [
        "conflict",
        "conflict",
        "accepted",
    ]


def test_without_an_id_the_content_and_the_time_make_one(client: TestClient, home: Path) -> None:
    event = {**VIEW, "at": "2024-05-01T12:00:00Z"}
    assert verdicts(client, [event, event]) == ["accepted", "accepted"]
    assert verdicts(client, [event, event]) == ["duplicate", "duplicate"]
    assert verdicts(client, [VIEW, VIEW]) == ["accepted", "accepted"]
    assert len(stored(home, "u")) == 4


@pytest.mark.parametrize(
    "at", ["2024-05-01T12:00:00Z", "2024-05-01T14:00:00+02:00", "2024-05-01T12:00:00", 1_714_564_800_000]
)
def test_a_time_is_iso_or_milliseconds_and_utc_without_an_offset(client: TestClient, home: Path, at: object) -> None:
    assert verdicts(client, {**VIEW, "at": at}) == ["accepted"]
    assert [event.at_ms for event in stored(home, "u")] == [1_714_564_800_000]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"kind": "bought"}, "kind"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": 7.5}, "user_id"),
        ({"user_id": "a\x00b"}, "user_id"),
        ({"item_id": "x" * 513}, "item_id"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": "2"}, "quantity"),
        ({"price": -1}, "price"),
        ({"at": "yesterday"}, "at"),
        ({"at": 1_714_564_800}, "at"),
        ({"at": (time.time_ns() // 1_000_000) + 3_600_000}, "5 minutes"),
        ({"at": True}, "at"),
        ({"rating": 5}, "rating"),
        ({"kind": "rating"}, "rating"),
        ({"quantiy": 2}, "quantiy"),
    ],
)
def test_a_bad_event_is_rejected_with_its_reason_and_the_others_are_kept(
    client: TestClient, home: Path, wrong: dict[str, object], word: str
) -> None:
    response = client.post("/v1/events", json=[VIEW, {**VIEW, **wrong}, VIEW])
    assert response.status_code == 202
    body = response.json()
    assert (body["accepted"], body["rejected"]) == (2, 1)
    assert body["events"][1]["verdict"] == "rejected"
    assert word in body["events"][1]["reason"]
    assert len(stored(home, "u")) == 2


def test_when_all_are_rejected_it_is_no_success(client: TestClient, home: Path) -> None:
    response = client.post("/v1/events", json=[{"kind": "view"}, 7])
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "bad_event"
    assert [detail["verdict"] for detail in error["details"]] == ["rejected", "rejected"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b'{"user_id": "\\ud800"}', "bad_json"),
        (b"[]", "invalid"),
        (b'"event"', "invalid"),
        (b'{"events": 7}', "invalid"),
        (b'{"events": [], "more": 1}', "invalid"),
        (orjson.dumps([VIEW] * 1_001), "too_many"),
    ],
)
def test_a_body_that_holds_no_events_is_refused_whole(reader: TestClient, raw: bytes, code: str) -> None:
    response = reader.post("/v1/events", content=raw)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == code


def test_a_thousand_events_are_one_request(client: TestClient) -> None:
    response = client.post("/v1/events", json={"events": [VIEW] * 1_000})
    assert response.json()["accepted"] == 1_000


def test_a_purchase_counts_in_the_next_answer_of_every_worker(worker: Worker) -> None:
    here, there = worker(), worker()
    question = "/v1/users/brand-new/recommendations?placement=buy-again&k=1"
    for client in (here, there, here, there):  # cached in both
        assert client.get(question).json()["fallback"] == "popular"
    verdicts(here, {"user_id": "brand-new", "item_id": "item-005", "kind": "purchase"})
    for client in (there, here):
        answer = client.get(question).json()
        assert answer["fallback"] == "personal"
        assert answer["items"][0]["item_id"] == "item-005"


def test_a_dismissed_item_is_gone_from_the_next_answer(worker: Worker) -> None:
    here, there = worker(), worker()
    question = "/v1/users/user-002/recommendations?k=3"
    first = there.get(question).json()["items"][0]["item_id"]
    verdicts(here, {"user_id": "user-002", "item_id": first, "kind": "dismiss"})
    shown = [item["item_id"] for item in there.get(question).json()["items"]]
    assert first not in shown
    assert len(shown) == 3


def test_other_customers_keep_their_cached_answers(client: TestClient) -> None:
    question = "/v1/users/user-004/recommendations"
    client.get(question)
    verdicts(client, VIEW)
    client.get(question)
    assert 'recsys_answers_total{source="memory"} 1.0' in client.get("/metrics").text


def test_a_log_that_cannot_be_written_is_503_and_nothing_is_acknowledged(worker: Worker, home: Path) -> None:
    client = worker()
    client.app.app.state.app_state.store.close()  # type: ignore[attr-defined]
    response = client.post("/v1/events", json=VIEW)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "log_unavailable"
    assert "shop.db" not in response.text
    assert response.headers["retry-after"] == "1"
    assert stored(home, "u") == []
    assert client.get("/v1/users/user-002/recommendations").status_code == 200


def test_a_browsers_key_sends_no_purchase_and_takes_no_id_of_the_shop(worker: Worker, key_file: Path) -> None:
    page = bearer(new_key(key_file, "events", origins=(SHOP,)), origin=SHOP)
    shop = bearer(new_key(key_file, "events"))
    event = {"event_id": "order-1/1", "user_id": "user-002", "item_id": "item-001"}
    client = worker()
    for kind in ("purchase", "return", "rating"):
        rating = {"rating": 1} if kind == "rating" else {}
        refused = client.post("/v1/events", json={**event, "kind": kind, **rating}, headers=page)
        assert refused.status_code == 422
        assert "browser" in refused.json()["error"]["message"]
    view = [client.post("/v1/events", json={**event, "kind": "view"}, headers=page).json() for _ in range(2)]
    assert [answer["events"][0]["verdict"] for answer in view] == ["accepted", "duplicate"]
    assert view[0]["events"][0]["event_id"] == "browser/order-1/1"
    for more in ({}, {"at": 1_700_000_000_000}):
        nameless = {"user_id": "user-002", "item_id": "item-001", "kind": "view", **more}
        (verdict,) = client.post("/v1/events", json=nameless, headers=page).json()["events"]
        assert verdict["event_id"].startswith("browser/")
    bought = client.post("/v1/events", json={**event, "kind": "purchase"}, headers=shop).json()
    assert (bought["accepted"], bought["events"][0]["event_id"]) == (1, "order-1/1")
    trusting = worker({"RECSYS_SERVE_BROWSER_PURCHASES": "true"})
    other = {**event, "event_id": "order-2/1", "kind": "purchase"}
    assert trusting.post("/v1/events", json=other, headers=page).status_code == 202


def test_numbers_are_taken_as_ids_where_imports_take_them(client: TestClient) -> None:
    body = client.post("/v1/events", json={**VIEW, "user_id": 4711, "item_id": 7.0}).json()
    assert body["accepted"] == 1
    kept = client.get("/v1/users/4711/export").json()["events"]
    assert [event["item_id"] for event in kept] == ["7"]
