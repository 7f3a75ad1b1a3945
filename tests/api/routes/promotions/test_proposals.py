"""Proposal routes: the reports of the commands, budgets as they are now, and names of customers only with consent."""

import asyncio
import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.live.log_reports import Words, run_command
from api.openapi.promotion_examples import PROMOTION_EXAMPLES
from api.schemas.promotions import proposals
from recsys.promotions.effect_report import EFFECT_FILE, EffectReport, keep_effect_report

TENTH = {"id": "tenth", "title": "10 %", "kind": "discount", "categories": ["category-0"], "percent": 10, "budget": 50}


def test_a_route_asks_its_command(client: TestClient, log_commands: list[Words]) -> None:
    for route in ("bundles?percent=5&limit=3", "upsell?item_id=-x", "table", "responses?learn=a&judge=b"):
        assert client.get(f"/v1/promotions/{route}").content == b"{}"
    assert log_commands == [
        ("promotions", "bundles", "--percent=5", "--least=150", "--limit=3"),
        ("promotions", "upsell", "--up-to=2", "--", "-x"),
        ("promotions", "table"),
        ("promotions", "responses", "--", "a", "b"),
    ]
    for wrong in ("bundles?percent=101", "upsell", "upsell?item_id=%00", "loyalty?within=-1", "table?x=1"):
        assert client.get(f"/v1/promotions/{wrong}").status_code == 422


def test_uses_show_what_is_left_of_a_budget_at_once(client: TestClient) -> None:
    assert client.put("/v1/promotions", json={"promotions": [TENTH]}).is_success
    fact = {"user_id": "user-004", "kind": "coupon", "ref": "tenth", "text": "redeemed", "value": 20}
    assert client.post("/v1/facts", json=fact).status_code == 202
    answer = proposals.PromotionUsesOut.model_validate(client.get("/v1/promotions/uses").json())
    assert [(row.state, row.redeemed, row.left) for row in answer.promotions] == [("running", 1, 30)]


def test_the_effect_is_that_which_the_command_kept(client: TestClient, home: Path) -> None:
    nothing = client.get("/v1/promotions/effect")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (422, "not_enough_data")
    kept = EffectReport.model_validate(PROMOTION_EXAMPLES["PromotionEffectOut"])
    keep_effect_report(home, kept)
    assert client.get("/v1/promotions/effect").json() == json.loads(kept.model_dump_json())
    (home / EFFECT_FILE).write_text("{")
    assert client.get("/v1/promotions/effect").json()["error"]["code"] == "bad_file"


def test_loyalty_names_nobody_who_refused_marketing_or_is_erased(client: TestClient) -> None:
    facts = [
        {"user_id": f"user-{n:03}", "kind": "loyalty", "ref": "club", "text": tier, "value": points}
        for n, tier, points in [*((n, "gold", 100) for n in range(20)), *((n, "silver", 90) for n in range(20, 42))]
    ]
    assert client.post("/v1/facts", json=facts).status_code == 202
    client.put("/v1/users/user-020", json={"consent": {"marketing": False}})
    client.delete("/v1/users/user-021")
    report = proposals.LoyaltyOut.model_validate(client.get("/v1/promotions/loyalty?within=10").json())
    assert {row.user_id for row in report.near} == {f"user-{n:03}" for n in range(22, 42)}
    assert (report.members, [tier.customers for tier in report.tiers]) == (41, [20, 21])
    assert report.share is not None
    assert 0 < report.share <= 1


@pytest.mark.slow
def test_the_reports_of_the_real_commands_fit_their_schemas(home: Path) -> None:
    for words, model in (
        (("bundles", "--least=2"), proposals.BundlesOut),
        (("upsell", "--", "item-003"), proposals.UpsellOut),
        (("table",), proposals.OfferTableOut),
    ):
        printed = asyncio.run(run_command(home, ("promotions", *words)))
        assert model.model_validate_json(printed)


def test_the_examples_fit_the_schemas() -> None:
    for name in ("PromotionUses", "Bundles", "Upsell", "OfferTable", "PromotionEffect", "CouponResponses", "Loyalty"):
        getattr(proposals, f"{name}Out").model_validate(PROMOTION_EXAMPLES[f"{name}Out"])
