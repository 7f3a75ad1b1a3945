"""Customers as an answer: the audience of an item or of many, and who shops like whom."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from api.errors.handlers import invalid
from api.live.release import LiveRelease
from api.live.user_state import Subject
from api.openapi.responses import BODY_ERRORS, ERRORS, ITEM_ERRORS, body_of
from api.schemas.audience import MAX_AUDIENCE, AudienceIn, AudienceOut, TwinsOut
from api.schemas.params import K, PathId, UserPathId
from api.state import app_state
from recsys.data.events import Event
from recsys.data.store.consent import marketing_consent, personalisation_consent
from recsys.ranking.filters.expression import Where
from recsys.ranking.targeting.audience import AudienceMember
from recsys.ranking.targeting.lookalikes import Lookalike

router = APIRouter(tags=["customers"])

LimitParam = Annotated[int, Query(ge=1, le=MAX_AUDIENCE, description="most customers wanted")]


class _AudienceFound(NamedTuple):
    """Customers, and the release that knows them."""

    customers: Sequence[AudienceMember | Lookalike]
    model_version: str


@router.get("/v1/items/{item_id:path}/audience", response_model=AudienceOut, responses=ITEM_ERRORS)
async def audience_of_item(request: Request, item_id: PathId, limit: LimitParam = 100) -> Response:
    """The customers most likely to buy this item, without those who said no.  Takes seconds: for campaigns."""
    return await _audience(request, item_id, None, limit)


@router.post("/v1/audience", response_model=AudienceOut, responses=BODY_ERRORS, openapi_extra=body_of(AudienceIn))
async def audience_of_items(request: Request) -> Response:
    """The customers most likely to buy one of the items on sale that pass the conditions, each with that item."""
    try:
        asked = AudienceIn.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid(error) from None
    return await _audience(request, None, asked.where, asked.limit)


@router.get("/v1/users/{user_id:path}/similar", response_model=TwinsOut, responses=ERRORS)
async def similar_customers(request: Request, user_id: UserPathId, k: K = 10) -> Response:
    """The customers whose purchases are most like this one's, those of a moment ago included."""
    service = app_state(request)

    def make(serving: LiveRelease, _now: int, events: Sequence[Event], asker: Subject) -> _AudienceFound:
        has_consent = personalisation_consent(service.store, serving.log_seq)
        return _AudienceFound(
            serving.recommender.twins(asker.user_id, events, k=k, has_consent=has_consent), serving.version
        )

    return _told(await service.answers.once(user_id, make, apart=True))


async def _audience(request: Request, item_id: str | None, where: Where | None, limit: int) -> Response:
    service = app_state(request)

    def make(serving: LiveRelease, now: int, _events: Sequence[Event], _asker: Subject) -> _AudienceFound:
        has_consent = marketing_consent(service.store, serving.log_seq)
        audience = serving.recommender.audience(item_id, where=where, now_ms=now, limit=limit, has_consent=has_consent)
        return _AudienceFound(audience, serving.version)

    async with service.one_audience:  # each keeps a core busy for seconds, and the answers to shoppers come first
        return _told(await service.answers.once(None, make, apart=True))


def _told(found: _AudienceFound) -> Response:
    customers = [one._asdict() for one in found.customers]
    body = orjson.dumps({"customers": customers, "model_version": found.model_version})
    return Response(body, media_type="application/json")
