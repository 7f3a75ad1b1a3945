"""Trial of promotions: what a text would mean for the shop and for one customer, before it is stored."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from api.openapi.responses import BODY_ERRORS, body_of
from api.routes.promotions.offers import ranked_offers
from api.routes.promotions.promotions import checked_promotions, promotion_repository
from api.routes.response import json_response
from api.schemas.promotions.promotions import PromotionsTryIn, PromotionsTryOut
from api.schemas.validation import parse_body
from api.state import AppState, app_state
from api.traffic.turns import turn
from recsys.promotions.customer_offers import OfferTerms
from recsys.promotions.document import PromotionsIn, to_toml
from recsys.promotions.margins import margin_share
from recsys.promotions.model import Promotion, Promotions
from recsys.promotions.repository import PromotionRepository
from recsys.time_units import now_ms

router = APIRouter(tags=["promotions"])
MOST_OFFERS = 20


@router.post(
    "/v1/promotions:try", response_model=PromotionsTryOut, responses=BODY_ERRORS, openapi_extra=body_of(PromotionsTryIn)
)
async def try_promotions(request: Request) -> Response:
    """A preview: what a text of promotions changes, what it covers, and the offers of `user_id` by it.

    A text with a fault is refused with each fault and its line, as PUT refuses it.  Nothing is stored.
    """
    state, body = app_state(request), parse_body(PromotionsTryIn, await request.body())
    async with turn(state.document_slots, request.receive):
        return json_response(await _tried(state, promotion_repository(request), body))


async def _tried(state: AppState, repository: PromotionRepository, body: PromotionsTryIn) -> dict[str, Any]:
    text = body.toml if body.toml is not None else to_toml(body.promotions or PromotionsIn())
    tried, stored = await asyncio.to_thread(_read, state, repository, text)
    content = await asyncio.to_thread(_changes, state, tried, stored)
    content["offers"] = None
    if body.user_id is not None:
        terms = OfferTerms(tried, repository.segments.last_valid(), margin_share(state.config.file), body.days)
        content["offers"] = await ranked_offers(state, body.user_id, terms, MOST_OFFERS)
    return content


def _read(state: AppState, repository: PromotionRepository, text: str) -> tuple[Promotions, Promotions]:
    return checked_promotions(state, repository, text), repository.last_valid()


def _changes(state: AppState, tried: Promotions, stored: Promotions) -> dict[str, Any]:
    before = {each.id: each for each in stored.promotions}
    rows = [_row(state, each, before.get(each.id), now_ms()) for each in tried.promotions]
    return {"promotions": rows, "removed": [name for name in before if name not in set(tried.ids())]}


def _row(state: AppState, promotion: Promotion, before: Promotion | None, at_ms: int) -> dict[str, Any]:
    """Of one promotion that is tried; before: the stored one of that id."""
    release = state.releases.now
    return {
        "id": promotion.id,
        "title": promotion.title,
        "kind": promotion.kind,
        "state": promotion.state(at_ms),
        "change": "new" if before is None else "same" if before == promotion else "changed",
        "items": None if release is None else len(promotion.target.positions(release.recommender.catalogue)),
    }
