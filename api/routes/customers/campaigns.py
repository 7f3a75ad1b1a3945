"""Campaign routes: planned, drawn once, the list of the treated, and the end.  The product sends nothing itself."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request, Response

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import BODY_ERRORS, CAMPAIGN_ERRORS, ERRORS, body_of
from api.routes.response import json_response
from api.schemas.customers.campaigns import (
    CampaignDrawIn,
    CampaignDrawOut,
    CampaignExportIn,
    CampaignOut,
    CampaignPlanOut,
    CampaignResultOut,
    CampaignsOut,
    MailingsOut,
    TreatedOut,
)
from api.schemas.validation import parse_body
from api.state import app_state
from api.traffic.turns import turn
from recsys.campaigns.campaign import all_campaigns, close_campaign, find_campaign, save_campaign
from recsys.campaigns.definition import CampaignDefinition
from recsys.campaigns.drawing import draw_campaign
from recsys.campaigns.eligibility import CampaignShop
from recsys.campaigns.export import treated_list
from recsys.campaigns.planning import plan_campaign
from recsys.campaigns.shop import open_campaign_shop
from recsys.campaigns.webhook import post_treated
from recsys.customers.population import MIN_GROUP
from recsys.data.events import Event
from recsys.time_units import now_ms

T = TypeVar("T")

router = APIRouter(tags=["campaigns"])

CampaignPathId = Annotated[str, Path(max_length=64, examples=["spring"])]
ResultPathId = Annotated[str, Path(max_length=256, pattern=r"^[^-\x00-\x1f][^\x00-\x1f]*$", examples=["spring"])]
QuarterPath = Annotated[str, Path(pattern=r"^\d{4}-Q[1-4]$", examples=["2026-Q4"])]
_CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


@router.get("/v1/campaigns", response_model=CampaignsOut, responses=ERRORS)
async def list_campaigns(request: Request) -> Response:
    """All campaigns with their state and what their draws counted."""
    state = app_state(request)
    campaigns = await state.in_thread(lambda: all_campaigns(state.store))
    return json_response({"campaigns": [campaign.to_json(now_ms()) for campaign in campaigns]})


@router.get("/v1/mailings", response_model=MailingsOut, responses=ERRORS)
async def list_mailings(request: Request) -> Response:
    """Campaigns without a plan, known by their messages; the result of each can be read, as what it is: not proof."""
    state = app_state(request)
    mailings = await state.in_thread(lambda: state.store.mailings())
    rows = [
        {
            "campaign": each.campaign_id,
            "channel": each.channel,
            "sent": each.at_ms,
            "customers": each.n_customers if each.n_customers >= MIN_GROUP else None,
        }
        for each in mailings
    ]
    return json_response({"mailings": rows})


@router.post(
    "/v1/campaigns",
    response_model=CampaignPlanOut,
    responses=CAMPAIGN_ERRORS,
    openapi_extra=body_of(CampaignDefinition),
)
async def plan_draft(request: Request) -> Response:
    """Stores a draft, or replaces that draft, and answers with its plan: losses, size, power.  Takes seconds."""
    definition = parse_body(CampaignDefinition, await request.body())

    def work(shop: CampaignShop) -> dict[str, Any]:
        return save_campaign(shop.store, definition, shop.now_ms, partial(plan_campaign, shop))[1].to_json()

    return json_response(await _with_shop(request, work))


@router.post(
    "/v1/campaigns:try",
    response_model=CampaignPlanOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(CampaignDefinition),
)
async def try_campaign(request: Request) -> Response:
    """The plan of a campaign.  Nothing is stored."""
    definition = parse_body(CampaignDefinition, await request.body())
    return json_response(await _with_shop(request, lambda shop: plan_campaign(shop, definition).to_json()))


@router.get("/v1/campaigns/{campaign_id}", response_model=CampaignOut, responses=CAMPAIGN_ERRORS)
async def read_campaign(request: Request, campaign_id: CampaignPathId) -> Response:
    """One campaign."""
    state = app_state(request)
    campaign = await state.in_thread(lambda: find_campaign(state.store, campaign_id))
    return json_response(campaign.to_json(now_ms()))


@router.post(
    "/v1/campaigns/{campaign_id}:draw",
    response_model=CampaignDrawOut,
    responses=CAMPAIGN_ERRORS,
    openapi_extra=body_of(CampaignDrawIn),
)
async def draw(request: Request, campaign_id: CampaignPathId) -> Response:
    """Draws who is treated and who is control, once and for ever; a second draw changes nothing.  Takes seconds."""
    body = parse_body(CampaignDrawIn, await request.body() or b"{}")

    def work(shop: CampaignShop) -> dict[str, Any]:
        campaign, is_new = draw_campaign(shop, campaign_id, force=body.force)
        return {**campaign.to_json(now_ms()), "is_new": is_new}

    return json_response(await _with_shop(request, work))


@router.post(
    "/v1/campaigns/{campaign_id}:export",
    response_model=TreatedOut,
    responses=CAMPAIGN_ERRORS,
    openapi_extra=body_of(CampaignExportIn),
)
async def export_treated(request: Request, campaign_id: CampaignPathId) -> Response:
    """The treated who may still be written to, for the tool that sends.  Control and hold-out are never on it."""
    state, body = app_state(request), parse_body(CampaignExportIn, await request.body() or b"{}")
    campaign = await state.in_thread(lambda: find_campaign(state.store, campaign_id))
    release = state.releases.now
    engine = None if release is None else release.recommender.engine
    treated = await state.in_thread(lambda: treated_list(state.store, campaign, body.layout, engine))
    if body.format != "json" and not body.webhook:
        content = await state.in_thread(lambda: treated.content(body.format))
        name = f'attachment; filename="{campaign_id}.{body.format}"'
        return Response(content, 200, {"content-disposition": name}, _CONTENT_TYPES[body.format])
    n_pages = await state.in_thread(lambda: post_treated(treated, state.config.file)) if body.webhook else 0
    summary = {"campaign": campaign_id, "layout": body.layout, **treated.summary()}
    return json_response({**summary, "rows": [] if body.webhook else treated.rows, "pages": n_pages})


@router.post("/v1/campaigns/{campaign_id}:close", response_model=CampaignOut, responses=CAMPAIGN_ERRORS)
async def close(request: Request, campaign_id: CampaignPathId) -> Response:
    """Ends the campaign: nobody is exported any more; its members stay, so that it can be read."""
    state = app_state(request)
    campaign = await state.in_thread(lambda: close_campaign(state.store, campaign_id, now_ms()))
    return json_response(campaign.to_json(now_ms()))


@router.get("/v1/campaigns/{campaign_id}/result", response_model=CampaignResultOut, responses=CAMPAIGN_ERRORS)
async def read_campaign_result(request: Request, campaign_id: ResultPathId) -> Response:
    """What the campaign changed, on its reading date.  Takes seconds; kept for five minutes."""
    report = await app_state(request).log_reports.read(("campaign", "result", campaign_id))
    return Response(report, media_type="application/json")


@router.get("/v1/holdouts/{quarter}", response_model=CampaignResultOut, responses=CAMPAIGN_ERRORS)
async def read_holdout_result(request: Request, quarter: QuarterPath) -> Response:
    """What all campaigns of a quarter earned together, against the hold-out.  Takes seconds; kept for five minutes."""
    report = await app_state(request).log_reports.read(("campaign", "result", "--holdout", quarter))
    return Response(report, media_type="application/json")


async def _with_shop(request: Request, work: Callable[[CampaignShop], T]) -> T:
    """What the work returns for the live release, beside the event loop, one at a time; not for a client that is gone
    before its turn."""
    state = app_state(request)

    def compute(release: LiveRelease, at_ms: int, _events: Sequence[Event], _subject: Subject) -> T:
        config = state.config
        return work(open_campaign_shop(state.store, release.recommender, config.home, config.file, at_ms))

    async with turn(state.audience_slot, request.receive):
        return await state.recommendations.compute_once(None, compute, in_thread=True)
