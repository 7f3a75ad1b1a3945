"""Needs route: chances of one customer, live after the last event, and nothing of who refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas.customers.needs import NeedsOut
from tests.api.conftest import opening_workers
from tests.homes import copy_home


@pytest.fixture(scope="module")
def needing(home_with_needs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with opening_workers(copy_home(home_with_needs, tmp_path_factory.mktemp("needs") / "home")) as worker:
        yield worker()


def needs(client: TestClient, user_id: str, **params: Any) -> NeedsOut:
    response = client.get(f"/v1/users/{user_id}/needs", params=params)
    assert response.status_code == 200, response.text
    return NeedsOut.model_validate(response.json())


def test_needs_of_a_customer_are_cut_by_chance_and_number(needing: TestClient) -> None:
    whole = needs(needing, "user-003", days=7, k=100)
    assert whole.horizons == [7]
    likely = [need for need in whole.needs if need.chance >= 0.3]
    assert needs(needing, "user-003", days=7, k=100, at_least=0.3).needs == likely
    assert needs(needing, "user-003", days=7, k=2).needs == whole.needs[:2]
    assert 0 < len(likely) < len(whole.needs)


def test_a_purchase_counts_in_the_next_answer(needing: TestClient) -> None:
    before = needs(needing, "user-005")
    event = {"user_id": "user-005", "item_id": before.needs[0].item_id, "kind": "purchase", "price": 4.0}
    assert needing.post("/v1/events", json=event).json()["accepted"] == 1
    after = needs(needing, "user-005", k=100)
    assert after.as_of > before.as_of
    bought = next(need for need in after.needs if need.item_id == event["item_id"])
    assert bought.last_bought > before.needs[0].last_bought


def test_who_refused_and_whom_nobody_knows_have_none(needing: TestClient) -> None:
    assert needing.patch("/v1/users/user-007", json={"consent": {"personalisation": False}}).is_success
    assert needs(needing, "user-007").unknown == "the customer refused personalisation"
    for user_id in ("user-007", "nobody"):
        assert needs(needing, user_id).needs == []
        assert needs(needing, user_id).unknown


@pytest.mark.parametrize("params", [{"days": 29}, {"days": 0}, {"at_least": 1.5}, {"dayz": 3}])
def test_a_horizon_or_a_chance_beyond_the_limits_is_refused(needing: TestClient, params: dict[str, Any]) -> None:
    response = needing.get("/v1/users/user-003/needs", params=params)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")
    assert next(iter(params)) in response.text
