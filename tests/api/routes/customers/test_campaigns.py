"""Campaign routes: a campaign from its plan to the list of the treated, and what refuses."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas.customers.campaigns import CampaignResultOut
from recsys.campaigns.result.campaign_result import read_result
from tests.recsys.campaigns.result.planted_campaigns import NOW_MS, plant

SPRING: dict[str, Any] = {
    "id": "spring",
    "audience": {"where": {}},
    "channel": "email",
    "starts": "2018-01-03T10:00:00Z",
    "reading": "2018-01-31T10:00:00Z",
    "control_share": 0.5,
    "effect": 5.0,
    "salt": "fixed",
    "offer": {"coupon": "=1+1"},
}


def test_a_campaign_is_planned_drawn_exported_and_closed(client: TestClient) -> None:
    tried = client.post("/v1/campaigns:try", json=SPRING).json()
    assert client.get("/v1/campaigns").json() == {"campaigns": []}
    planned = client.post("/v1/campaigns", json=SPRING).json()
    assert planned == tried
    assert planned["eligible"] + sum(planned["losses"].values()) == planned["audience"]
    assert client.get("/v1/campaigns/spring").json()["status"] == "draft"
    early = client.post("/v1/campaigns/spring:export")
    assert (early.status_code, "draw it first" in early.json()["error"]["message"]) == (422, True)
    drawn = client.post("/v1/campaigns/spring:draw", json={"force": True}).json()
    again = client.post("/v1/campaigns/spring:draw").json()
    assert (drawn["is_new"], again["is_new"], again["draw"]) == (True, False, drawn["draw"])
    assert drawn["draw"]["losses"] == planned["losses"]
    listed = client.post("/v1/campaigns/spring:export").json()
    assert listed["customers"] == len(listed["rows"]) == drawn["draw"]["treated"]
    table = client.post("/v1/campaigns/spring:export", json={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[1].split(",")[3] == "'=1+1"
    assert client.post("/v1/campaigns/spring:close").json()["status"] == "closed"
    assert client.post("/v1/campaigns/spring:export").status_code == 422


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"audience": {}}, "audience"),
        ({"reading": "2017-01-01"}, "reading"),
        ({"control_share": 0.95}, "control_share"),
        ({"chanel": "x"}, "chanel"),
        ({"audience": {"segment": "nobody"}}, "nobody"),
        ({"audience": {"item": "no-item"}}, "no-item"),
        ({"offer": {"items": ["no-item"]}}, "no-item"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(reader: TestClient, change: dict[str, Any], field: str) -> None:
    answer = reader.post("/v1/campaigns", json=SPRING | change)
    assert (answer.status_code, field in answer.text) == (422, True), answer.text
    assert reader.get("/v1/campaigns").json() == {"campaigns": []}


def test_an_unknown_campaign_and_a_missing_webhook_are_named(client: TestClient) -> None:
    for path in ("/v1/campaigns/x", "/v1/campaigns/x:draw", "/v1/campaigns/x:export", "/v1/campaigns/x:close"):
        answer = client.get(path) if path.endswith("/x") else client.post(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_campaign")
    client.post("/v1/campaigns", json=SPRING)
    client.post("/v1/campaigns/spring:draw", json={"force": True})
    answer = client.post("/v1/campaigns/spring:export", json={"webhook": True})
    assert (answer.status_code, "no webhook is set" in answer.text) == (422, True)


def test_a_result_has_the_fields_that_the_schema_names(tmp_path: Path) -> None:
    document = read_result(plant(tmp_path), None, "fair", NOW_MS).to_json()
    assert CampaignResultOut.model_validate(document).model_dump(by_alias=True) == document


@pytest.mark.slow
def test_the_result_of_an_unknown_campaign_is_not_found(client: TestClient) -> None:
    reply = client.get("/v1/campaigns/nobody/result")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown_campaign")
    assert client.get("/v1/campaigns/--html/result").status_code == 422


@pytest.mark.slow
def test_a_hold_out_is_read_when_its_quarter_is_over_and_no_word_of_the_path_is_an_option(client: TestClient) -> None:
    assert client.get("/v1/holdouts/--html").status_code == 422
    reply = client.get("/v1/holdouts/2099-Q4")
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "not_enough_data")
