"""Why an item is not in a list, or how it came to its place."""

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from api.errors.handlers import invalid
from api.openapi.responses import BODY_ERRORS, ERRORS, body_of
from api.routes.recommendations import ask_of, asked_by_query
from api.schemas.common import Id
from api.schemas.explain import ExplainIn, WhyOut
from api.schemas.params import K
from api.schemas.recommendations import RecommendationsIn
from api.state import AppState, app_state
from recsys.data.entities import Item
from recsys.errors import LogUnavailable
from recsys.ranking.diagnostics.why_not import WhyNot, why_not

router = APIRouter(tags=["recommendations"])


@router.get("/v1/explain", response_model=WhyOut, responses=ERRORS)
async def explain_item(
    request: Request,
    item_id: Annotated[Id, Query(description="the item that is missed, or wondered about", examples=["995242"])],
    user_id: Annotated[Id | None, Query(description="the customer; none for anybody", examples=["900"])] = None,
    placement: Annotated[str, Query(max_length=1_000, description="a named spot of the shop")] = "home",
    k: K = 10,
) -> Response:
    """Why the item is not in this customer's list, or at which place it stands and why."""
    asked = asked_by_query({"user_id": user_id, "placement": placement, "k": k})
    return await _told(app_state(request), asked, item_id)


@router.post("/v1/explain", response_model=WhyOut, responses=BODY_ERRORS, openapi_extra=body_of(ExplainIn))
async def explain_item_in_full(request: Request) -> Response:
    """The same for any question, with its session, filters and wishes."""
    try:
        sent = ExplainIn.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid(error) from None
    return await _told(app_state(request), sent.ask, sent.item_id)


async def _told(service: AppState, asked: RecommendationsIn, item_id: str) -> Response:
    serving, ask = await ask_of(service, asked)
    item = await service.alone(lambda: _stored(service, item_id))
    found = await asyncio.to_thread(why_not, serving.recommender, ask, item_id, item)
    return Response(orjson.dumps(_as_data(found)), media_type="application/json")


def _stored(service: AppState, item_id: str) -> Item | None:
    """None as well where the log does not answer: the release knows most of it."""
    try:
        return service.store.item(item_id)
    except LogUnavailable:
        return None


def _as_data(found: WhyNot) -> dict[str, object]:
    return {
        "item_id": found.item_id,
        "name": found.name,
        "place": found.place,
        "code": found.cause.code,
        "text": found.cause.text,
        "facts": dict(found.cause.facts),
        "rank": found.rank,
        "eligible": found.eligible,
        "sources": [voice._asdict() for voice in found.sources],
        "rules": [note._asdict() for note in found.rules],
    }
