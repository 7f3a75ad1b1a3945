"""Proposal routes: uses and budgets of promotions, bundles, up-sell, offers by stage and value, effects, loyalty."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import ERRORS, ITEM_ERRORS
from api.routes.response import json_response
from api.schemas.promotions.proposals import (
    BundlesOut,
    CouponResponsesOut,
    LoyaltyOut,
    OfferTableOut,
    PromotionEffectOut,
    PromotionUsesOut,
    UpsellOut,
)
from api.state import AppState, app_state
from api.traffic.turns import turn
from recsys.data.events import Event
from recsys.data.store.validation import MAX_ID
from recsys.promotions.effect_report import read_effect_report
from recsys.promotions.loyalty import LoyaltyReport, read_loyalty
from recsys.promotions.redemptions import use_rows
from recsys.promotions.repository import open_promotion_repository
from recsys.time_units import now_ms

router = APIRouter(tags=["promotions"])

Id = Annotated[str, Query(min_length=1, max_length=MAX_ID, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/v1/promotions/uses", response_model=PromotionUsesOut, responses=ERRORS)
async def read_uses(request: Request) -> Response:
    """Each promotion with its state, how often it was given and redeemed, what was spent and what is left."""
    state = app_state(request)
    return json_response({"promotions": await state.in_thread(lambda: _uses(state))})


@router.get("/v1/promotions/bundles", response_model=BundlesOut, responses=ERRORS)
async def read_bundles(
    request: Request,
    percent: Annotated[float, Query(ge=0, le=100, description="taken off the price of both")] = 10.0,
    least: Annotated[int, Query(ge=1, le=10**9, description="baskets that hold both, at least")] = 150,
    limit: Annotated[int, Query(ge=1, le=1_000, description="pairs, those that leave most in all")] = 100,
) -> Response:
    """Pairs of items to sell together, by what the shop keeps of them after the discount.  Takes seconds; kept for
    five minutes."""
    return await _report(request, "bundles", f"--percent={percent:g}", f"--least={least}", f"--limit={limit}")


@router.get("/v1/promotions/upsell", response_model=UpsellOut, responses={404: ITEM_ERRORS[404], **ERRORS})
async def read_upsell(
    request: Request,
    item_id: Id,
    up_to: Annotated[float, Query(ge=1, le=100, description="dearer up to so many times")] = 2.0,
) -> Response:
    """Dearer items of the same product type that leave the shop more, the best first.  Takes seconds; kept for five
    minutes."""
    return await _report(request, "upsell", f"--up-to={up_to:g}", "--", item_id)


@router.get("/v1/promotions/table", response_model=OfferTableOut, responses=ERRORS)
async def read_offer_table(request: Request) -> Response:
    """Stage x value: which kind of offer suits each cell, how many customers are in it, and the condition that finds
    them.  Takes seconds; kept for five minutes."""
    return await _report(request, "table")


@router.get("/v1/promotions/effect", response_model=PromotionEffectOut, responses=ERRORS)
async def read_effect(request: Request) -> Response:
    """What displays, mailers and other flags change in purchases, as `recsys promotions effect` last found it."""
    report = await asyncio.to_thread(read_effect_report, app_state(request).config.home)
    return json_response(report.model_dump())


@router.get("/v1/promotions/responses", response_model=CouponResponsesOut, responses=ERRORS)
async def read_responses(
    request: Request,
    learn: Annotated[Id, Query(description="the campaign to learn from: the ref of its messages")],
    judge: Annotated[Id, Query(description="a later campaign to judge by")],
) -> Response:
    """Who redeems coupons: a model of one campaign, judged on a later one.  Takes seconds; kept for five minutes."""
    return await _report(request, "responses", "--", learn, judge)


@router.get("/v1/promotions/loyalty", response_model=LoyaltyOut, responses=ERRORS)
async def read_loyalty_report(
    request: Request,
    within: Annotated[float, Query(ge=0, le=1e12, description="near a tier: so many points below it")] = 100.0,
) -> Response:
    """Participation, points earned and spent, members by tier, and who is near the next one: those who did not refuse
    marketing."""
    state = app_state(request)

    def compute(release: LiveRelease, _now_ms: int, _events: Sequence[Event], _subject: Subject) -> LoyaltyReport:
        return read_loyalty(state.store, release.recommender.engine, release.log_seq, within)

    async with turn(state.audience_slot, request.receive):
        report = await state.recommendations.compute_once(None, compute, in_thread=True)
    return json_response(report.to_json())


def _uses(state: AppState) -> list[dict[str, object]]:
    promotions = open_promotion_repository(state.config.home, state.config.file).last_valid()
    return use_rows(promotions, state.store.coupon_totals(promotions.by_code()), now_ms())


async def _report(request: Request, *words: str) -> Response:
    return Response(await app_state(request).log_reports.read(("promotions", *words)), media_type="application/json")
