"""Offer route: the promotions that fit one customer, by chance x margin - cost."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Query as QueryParam

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import ERRORS
from api.routes.response import json_response
from api.schemas.params import K, UserPathId
from api.schemas.promotions.promotions import OffersOut
from api.state import AppState, app_state
from recsys.data.events import Event
from recsys.promotions.customer_offers import OfferTerms, customer_offers
from recsys.promotions.margins import margin_share
from recsys.promotions.repository import open_promotion_repository
from recsys.ranking.query import Query

router = APIRouter(tags=["users"])


@router.get("/v1/users/{user_id:path}/offers", response_model=OffersOut, responses=ERRORS)
async def offers_of_user(
    request: Request,
    user_id: UserPathId,
    days: Annotated[float, QueryParam(ge=7, le=28, description="horizon of the chances, in days")] = 28.0,
    channel: Annotated[str | None, QueryParam(max_length=100, description="over which they are offered")] = None,
    k: K = 10,
) -> Response:
    """The promotions that fit this customer, best first: chance x margin - cost, under what is left of each budget.

    Who refused marketing gets none; who refused personalisation, or is not known, gets those for everybody.
    """
    terms = await asyncio.to_thread(_terms, request, days, channel)
    return json_response(await ranked_offers(app_state(request), user_id, terms, k))


async def ranked_offers(state: AppState, user_id: str, terms: OfferTerms, k: int) -> dict[str, Any]:
    """The offers of a customer under these terms, as JSON types."""

    def compute(release: LiveRelease, now_ms: int, events: Sequence[Event], subject: Subject) -> dict[str, Any]:
        query = Query(now_ms, k=k, user_id=subject.user_id, recent=events, attributes=subject.attributes)
        owner_id = state.store.identity(user_id).owner_id
        return customer_offers(
            release.recommender, state.store, query, terms, owner_id=owner_id, log_seq=release.log_seq
        )

    return await state.recommendations.compute_once(user_id, compute, in_thread=True)


def _terms(request: Request, days: float, channel: str | None) -> OfferTerms:
    config = app_state(request).config
    repository = open_promotion_repository(config.home, config.file)
    saved = repository.segments.last_valid()
    return OfferTerms(repository.last_valid(), saved, margin_share(config.file), days, channel)
