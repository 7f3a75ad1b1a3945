"""Customers as an answer: the audience of an item or of many, and who shops like whom."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from api.docs import BODY_ERRORS, ERRORS, ITEM_ERRORS, body_of
from api.errors import invalid
from api.live import Serving
from api.recent import Asker
from api.routes.recommendations import K, PathId, UserPathId
from api.schemas_audience import MAX_AUDIENCE, AudienceIn, AudienceOut, TwinsOut
from api.service import service_of
from recsys.data.events import Event
from recsys.ranking.audience import Fan, Twin, who_may_be_known, who_may_be_told
from recsys.ranking.where import Where

router = APIRouter(tags=["customers"])

Limit = Annotated[int, Query(ge=1, le=MAX_AUDIENCE, description="most customers wanted")]


class _Found(NamedTuple):
    """Customers, and the release that knows them."""

    customers: Sequence[Fan | Twin]
    model_version: str


@router.get("/v1/items/{item_id:path}/audience", response_model=AudienceOut, responses=ITEM_ERRORS)
async def audience_of_item(request: Request, item_id: PathId, limit: Limit = 100) -> Response:
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
    service = service_of(request)

    def make(serving: Serving, _now: int, events: Sequence[Event], asker: Asker) -> _Found:
        admits = who_may_be_known(service.store, serving.log_seq)
        return _Found(serving.recommender.twins(asker.user_id, events, k=k, admits=admits), serving.version)

    return _told(await service.answers.once(user_id, make, apart=True))


async def _audience(request: Request, item_id: str | None, where: Where | None, limit: int) -> Response:
    service = service_of(request)

    def make(serving: Serving, now: int, _events: Sequence[Event], _asker: Asker) -> _Found:
        admits = who_may_be_told(service.store, serving.log_seq)
        audience = serving.recommender.audience(item_id, where=where, now_ms=now, limit=limit, admits=admits)
        return _Found(audience, serving.version)

    async with service.one_audience:  # each keeps a core busy for seconds, and the answers to shoppers come first
        return _told(await service.answers.once(None, make, apart=True))


def _told(found: _Found) -> Response:
    customers = [one._asdict() for one in found.customers]
    body = orjson.dumps({"customers": customers, "model_version": found.model_version})
    return Response(body, media_type="application/json")
