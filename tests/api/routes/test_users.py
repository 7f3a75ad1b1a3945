"""User routes: attributes, consent, and visitors who log in."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from recsys.data.answer_log.answer_log import AnswerLog
from recsys.data.store.open import open_store

Worker = Callable[..., TestClient]
KNOWN = "/v1/users/user-002"
ASK = f"{KNOWN}/recommendations?k=5"
NO = {"consent": {"personalisation": False}}
PERSONAL = {"bought_again", "buy_again", "discover", "similar"}


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def stranger(client: TestClient) -> dict[str, Any]:
    """The list of a user of whom nothing is known."""
    return dict(client.get("/v1/users/nobody-knows-me/recommendations?k=5").json())


def buys(client: TestClient, user_id: str, item_id: str, **more: object) -> dict[str, Any]:
    event = {"user_id": user_id, "item_id": item_id, "kind": "purchase", **more}
    return dict(client.post("/v1/events", json=event).json())


def test_a_customer_is_stored_changed_and_read(client: TestClient) -> None:
    path = "/v1/users/ann%2Fb"
    assert client.get(path).status_code == 404
    assert client.get(path).json()["error"]["code"] == "unknown_user"
    put = client.put(path, json={"attributes": {"age": "35-44", "kids": 2}, "consent": {"marketing": False}})
    assert put.json() == client.get(path).json()
    assert put.json() == {
        "user_id": "ann/b",
        "attributes": {"age": "35-44", "kids": 2},
        "consent": {"personalisation": None, "marketing": False, "channels": {"marketing": {}}},
        "merged_ids": [],
    }
    client.patch(path, json={"attributes": {"kids": None, "town": "Ulm"}, "consent": {"personalisation": True}})
    body = client.get(path).json()
    assert body["attributes"] == {"age": "35-44", "town": "Ulm"}
    assert body["consent"] == {"personalisation": True, "marketing": False, "channels": {"marketing": {}}}


def test_consent_that_is_not_named_stays(client: TestClient) -> None:
    client.patch(KNOWN, json=NO)
    client.put(KNOWN, json={"attributes": {"age": "1"}})
    client.post("/v1/users", json=[{"user_id": "user-002", "attributes": {"age": "2"}}])
    client.patch(KNOWN, json={"consent": {"marketing": True}})
    body = client.get(KNOWN).json()
    assert (body["attributes"], body["consent"]) == (
        {"age": "2"},
        {"personalisation": False, "marketing": True, "channels": {"marketing": {}}},
    )
    assert client.patch(KNOWN, json={"consent": {"personalisation": None}}).json()["consent"]["personalisation"] is None


def test_a_customer_known_by_events_alone_can_be_read(client: TestClient) -> None:
    assert client.get(KNOWN).json()["attributes"] == {}
    buys(client, "new-one", "item-001")
    assert client.get("/v1/users/new-one").status_code == 200


def test_many_customers_are_stored_in_one_request_or_none_of_them(client: TestClient) -> None:
    body = {"users": [{"user_id": "a", "attributes": {"x": 1}}, {"user_id": "b"}]}
    assert client.post("/v1/users", json=body).json() == {"stored": 2}
    bad = client.post("/v1/users", json=[{"user_id": "c"}, {"user_id": "d", "consent": {"personalization": False}}])
    assert bad.status_code == 422
    assert "personalization" in bad.text, "a misspelt purpose is no consent"
    assert client.get("/v1/users/c").status_code == 404


def test_without_consent_the_list_is_not_personal_from_the_next_answer_of_every_worker(worker: Worker) -> None:
    here, there = worker(), worker()
    before = [client.get(ASK).json() for client in (here, there)]
    assert {answer["fallback"] for answer in before} == {"personal"}
    here.patch(KNOWN, json=NO)
    for client in (here, there, here):
        answer = client.get(ASK).json()
        assert answer["fallback"] == "popular"
        assert ids(answer) == ids(stranger(client))
        assert all(item["reason"]["because"] == [] for item in answer["items"])


def test_without_consent_neither_the_visit_nor_attributes_count_but_the_page_does(client: TestClient) -> None:
    client.patch(KNOWN, json=NO)
    query = {"user_id": "user-002", "k": 5, "session": ["item-001", "item-003"], "attributes": {"town": "Ulm"}}
    assert ids(client.post("/v1/recommendations", json=query).json()) == ids(stranger(client))
    query = {"user_id": "user-002", "k": 5, "context": ["item-001"], "placement": "product"}
    beside = client.post("/v1/recommendations", json=query).json()
    assert ids(beside) == ids(client.post("/v1/recommendations", json={**query, "user_id": None}).json())
    assert beside["fallback"] == "session"


def test_events_without_consent_are_withheld_and_leave_nothing(client: TestClient, home: Any) -> None:
    client.patch(KNOWN, json=NO)
    body = [
        {"user_id": "user-002", "item_id": "item-001", "kind": "view", "order_id": "secret-order"},
        {"user_id": "user-003", "item_id": "item-001", "kind": "view"},
        {"user_id": "user-003", "item_id": "item-001", "kind": "nonsense"},
    ]
    response = client.post("/v1/events", json=body)
    answer = response.json()
    assert response.status_code == 202
    assert [event["verdict"] for event in answer["events"]] == ["withheld", "accepted", "rejected"]
    assert {name: answer[name] for name in ("accepted", "duplicate", "withheld", "rejected")} == {
        "accepted": 1,
        "duplicate": 0,
        "withheld": 1,
        "rejected": 1,
    }
    assert client.post("/v1/events", json=body[0]).status_code == 202
    store = open_store(home, None)
    assert store.user_events("user-002") == []
    assert 'recsys_events_total{verdict="withheld"} 2.0' in client.get("/metrics").text


def test_consent_given_again_does_not_restore_past_events(client: TestClient) -> None:
    client.patch(KNOWN, json=NO)
    client.patch(KNOWN, json={"consent": {"personalisation": True}})
    assert client.get(ASK).json()["fallback"] == "popular", "the release still holds a past that was withdrawn"
    buys(client, "user-002", "item-005")
    answer = client.get(f"{KNOWN}/recommendations?placement=buy-again&k=1").json()
    assert ids(answer) == ["item-005"]
    assert answer["fallback"] == "personal"


def test_events_of_a_merged_visitor_count_for_the_customer_in_every_worker(worker: Worker) -> None:
    here, there = worker(), worker()
    question = "/v1/users/{}/recommendations?placement=buy-again&k=1"
    for client in (here, there):
        client.get(question.format("newcomer"))
    buys(here, "visitor", "item-009")
    merged = here.post("/v1/users:merge", json={"from": "visitor", "into": "newcomer"}).json()
    assert (merged["user_id"], merged["merged"], merged["receipt"]["counts"]["events"]) == ("newcomer", True, 1)
    for client in (here, there):
        assert {ids(client.get(question.format(who)).json())[0] for who in ("visitor", "newcomer")} == {"item-009"}
    again = there.post("/v1/users:merge", json={"from": "visitor", "into": "newcomer"}).json()
    assert again == {"user_id": "newcomer", "merged": False, "receipt": None}
    assert there.get("/v1/users/visitor").json()["user_id"] == "newcomer"
    assert there.get("/v1/users/newcomer").json()["merged_ids"] == ["visitor"]
    buys(there, "visitor", "item-011", at=1_790_000_000_000 - 10)
    assert ids(here.get("/v1/users/newcomer/recommendations?placement=buy-again&k=2").json())[0] in {
        "item-009",
        "item-011",
    }


def test_a_merged_customer_of_the_release_keeps_their_history(client: TestClient) -> None:
    before = client.get("/v1/users/user-002/recommendations?placement=buy-again&k=5").json()
    client.post("/v1/users:merge", json={"from": "user-002", "into": "account-2"})
    after = client.get("/v1/users/account-2/recommendations?placement=buy-again&k=5").json()
    assert ids(before) == ids(after)
    assert ids(client.get("/v1/users/user-002/recommendations?placement=buy-again&k=5").json()) == ids(after)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"from": "a", "into": "a"}, "name two ids"),
        ({"from": "a"}, "into"),
        ({"from": "", "into": "b"}, "from"),
        ([], "valid"),
    ],
)
def test_an_invalid_merge_is_refused(reader: TestClient, body: object, says: str) -> None:
    response = reader.post("/v1/users:merge", json=body)
    assert response.status_code == 422
    assert says in response.text


def test_answers_without_consent_are_logged_without_an_id(client: TestClient, home: Any) -> None:
    state = client.app.app.state.app_state  # type: ignore[attr-defined]
    client.get(ASK)
    state.answer_log.write()
    client.patch(KNOWN, json=NO)
    request_id = client.get(ASK).json()["request_id"]
    posted = client.post("/v1/recommendations", json={"user_id": "user-002", "k": 3, "exclude": ["x"]}).json()
    state.answer_log.write()
    log = AnswerLog(home / "shown.db")
    assert list(log.user_items("user-002")) == []
    assert {item.user_id for name in (request_id, posted["request_id"]) for item in log.request_items(name)} == {None}
    log.close()


def test_answers_to_a_visitor_who_logged_in_are_logged_under_the_customer(client: TestClient, home: Any) -> None:
    client.post("/v1/users:merge", json={"from": "visitor", "into": "user-002"})
    request_id = client.get("/v1/users/visitor/recommendations?k=2").json()["request_id"]
    client.app.app.state.app_state.answer_log.write()  # type: ignore[attr-defined]
    log = AnswerLog(home / "shown.db")
    assert {item.user_id for item in log.request_items(request_id)} == {"user-002"}
    log.close()


def test_consent_is_given_by_channel_with_date_and_source_and_its_history_is_exported(client: TestClient) -> None:
    url, at = "/v1/users/by-channel", 1_700_000_000_000
    given = {"channels": {"marketing": {"email": True, "sms": False}}, "at": at, "source": "form at the till"}
    body = client.patch(url, json={"consent": given}).json()
    assert body["consent"]["channels"] == {"marketing": {"email": True, "sms": False}}
    older = {"channels": {"marketing": {"email": False}}, "at": at - 1}
    assert client.patch(url, json={"consent": older}).json()["consent"]["channels"]["marketing"]["email"] is True
    unset = {"channels": {"marketing": {"sms": None}}}
    assert client.patch(url, json={"consent": unset}).json()["consent"]["channels"]["marketing"] == {"email": True}
    facts = client.get(f"{url}/export").json()["facts"]
    names = ("ref", "channel", "value", "text")
    assert [tuple(fact.get(name) for name in names) for fact in facts] == [
        ("marketing", "email", 1.0, "form at the till"),
        ("marketing", "sms", 0.0, "form at the till"),
        ("marketing", "email", 0.0, None),
        ("marketing", "sms", None, None),
    ]
    assert [fact["at"] for fact in facts[:3]] == [at, at, at - 1]
    assert client.patch(url, json={"consent": {"channels": {"personalisation": {"email": True}}}}).status_code == 422


def test_a_merge_is_taken_back_and_what_was_sent_returns(client: TestClient) -> None:
    client.post(
        "/v1/events", json=[{"user_id": user, "item_id": "item-001", "kind": "view"} for user in ("vis", "cust")]
    )
    assert client.post("/v1/users:merge", json={"from": "vis", "into": "cust"}).json()["merged"] is True
    assert client.get("/v1/users/vis").json()["user_id"] == "cust"
    answer = client.post("/v1/users:unmerge", json={"user_id": "vis"}).json()
    assert (answer["user_id"], answer["receipt"]["counts"]) == ("vis", {"events": 1, "kept": 1})
    assert client.get("/v1/users/vis").json()["user_id"] == "vis"
    assert client.get("/v1/users/cust").json()["merged_ids"] == []
    again = client.post("/v1/users:unmerge", json={"user_id": "vis"})
    assert (again.status_code, again.json()["error"]["code"]) == (422, "bad_input")
