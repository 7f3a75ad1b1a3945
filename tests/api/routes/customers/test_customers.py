"""Customer routes: the card, live after the last event, and what it shows of whom."""

from typing import Any

from starlette.testclient import TestClient

from api.schemas.customers.card import CustomerOut
from api.schemas.customers.summary import CustomerSumsOut
from tests.api.conftest import Worker

PARTS = ("since", "recency", "frequency", "money", "rfm", "abc", "stage", "rhythm", "taste", "offers", "shown")


def card(client: TestClient, user_id: str) -> dict[str, Any]:
    response = client.get(f"/v1/customers/{user_id}")
    assert response.status_code == 200, response.text
    CustomerOut.model_validate(response.json())
    answer: dict[str, Any] = response.json()
    return answer


def buy(client: TestClient, user_id: str, **more: object) -> None:
    event = {"user_id": user_id, "item_id": "item-003", "kind": "purchase", "price": 4.0, "quantity": 2}
    assert client.post("/v1/events", json=event | more).json()["accepted"] == 1


def test_a_card_holds_every_part_and_a_reason_for_what_is_not_known(client: TestClient) -> None:
    shown = card(client, "user-003")
    assert all(shown[part] is not None for part in PARTS)
    assert shown["frequency"]["purchase_days"] == 12
    assert len(shown["offers"]) == 5
    assert {part for part in ("value", "churn", "needs") if shown[part] is None} <= shown["unknown"].keys()
    assert shown["churn"]["within_28_days"]["chance"] is not None or "churn.within_28_days" in shown["unknown"]


def test_a_purchase_counts_in_the_next_card(client: TestClient) -> None:
    before = card(client, "user-003")
    buy(client, "user-003", order_id="later")
    after = card(client, "user-003")
    assert after["money"]["total"] == round(before["money"]["total"] + 8, 2)
    assert after["frequency"]["orders"] == before["frequency"]["orders"] + 1
    assert after["recency"]["days"] == 0
    assert after["as_of"] > before["as_of"]
    assert after["rfm"]["as_of"] == before["rfm"]["as_of"]


def test_a_customer_who_came_after_the_release_is_new_and_has_a_place(client: TestClient) -> None:
    buy(client, "newcomer")
    shown = card(client, "newcomer")
    assert shown["stage"]["name"] == "new"
    assert shown["rfm"]["group"] is not None


def test_a_merged_visitor_has_the_card_of_the_customer(client: TestClient) -> None:
    buy(client, "visitor")
    assert client.post("/v1/users:merge", json={"from": "visitor", "into": "user-003"}).is_success
    shown = card(client, "visitor")
    assert (shown["user_id"], shown["merged_ids"]) == ("user-003", ["visitor"])
    assert shown["frequency"]["purchase_days"] == 13


def test_nothing_but_the_consent_is_told_of_a_customer_who_refused(client: TestClient) -> None:
    assert client.patch("/v1/users/user-003", json={"consent": {"personalisation": False}}).is_success
    shown = card(client, "user-003")
    assert shown["consent"]["personalisation"] is False
    assert all(shown[part] is None for part in PARTS)
    assert set(shown["unknown"].values()) == {"the customer refused personalisation"}


def test_an_erased_customer_and_one_whom_nobody_knows_have_no_card(client: TestClient) -> None:
    assert client.delete("/v1/users/user-003").is_success
    for user_id in ("user-003", "nobody"):
        response = client.get(f"/v1/customers/{user_id}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_user")


def test_before_the_first_release_a_card_is_refused(worker: Worker, tmp_path: Any) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert worker(at=empty).get("/v1/customers/user-003").status_code == 503


def test_contacts_and_consent_by_channel_stand_on_the_card(client: TestClient) -> None:
    fact = {"user_id": "user-003", "kind": "message", "text": "opened", "ref": "c7", "channel": "email"}
    assert client.post("/v1/facts", json=fact).json()["accepted"] == 1
    shown = card(client, "user-003")
    assert shown["contacts"]["count"] == {"message": 1}
    assert shown["contacts"]["newest"][0]["text"] == "opened"
    assert shown["consent"]["channels"] == {"marketing": {}}


def test_the_summary_has_the_sums_of_all_customers(client: TestClient) -> None:
    response = client.get("/v1/customers/summary")
    assert response.status_code == 200, response.text
    sums = CustomerSumsOut.model_validate(response.json())
    assert sums.buyers == 60
    assert {part.name for part in sums.stages} >= {"new", "growing", "at_risk"}
