"""Explain routes: why an item is not in a list, or how it came to its place."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.list_query import body_from_params, query_now
from api.openapi.responses import BODY_ERRORS, ERRORS, body_of
from api.routes.response import json_response
from api.schemas.common import Id
from api.schemas.explain import ExplainIn, WhyOut
from api.schemas.params import K
from api.schemas.recommendations import RecommendationsIn
from api.schemas.validation import parse_body
from api.state import AppState, app_state
from recsys.data.entities import Item
from recsys.errors import LogUnavailable
from recsys.ranking.diagnostics.why_not import WhyNot, why_not

router = APIRouter(tags=["recommendations"])


@router.get("/v1/explain", response_model=WhyOut, responses=ERRORS)
async def explain_item(
    request: Request,
    item_id: Annotated[Id, Query(description="the item to explain", examples=["995242"])],
    user_id: Annotated[Id | None, Query(description="the customer; none for a visitor", examples=["900"])] = None,
    placement: Annotated[str, Query(max_length=1_000, description="a named spot of the shop")] = "home",
    k: K = 10,
) -> Response:
    """Why the item is not in this customer's list, or at which place it stands and why."""
    body = body_from_params({"user_id": user_id, "placement": placement, "k": k})
    return await _explain(app_state(request), body, item_id)


@router.post("/v1/explain", response_model=WhyOut, responses=BODY_ERRORS, openapi_extra=body_of(ExplainIn))
async def explain_item_in_full(request: Request) -> Response:
    """The same for a query with any fields: session, filters, list options."""
    body = parse_body(ExplainIn, await request.body())
    return await _explain(app_state(request), body.ask, body.item_id)


async def _explain(state: AppState, body: RecommendationsIn, item_id: str) -> Response:
    release, query = await query_now(state, body)
    item = await state.serialized(lambda: _stored(state, item_id))
    result = await asyncio.to_thread(why_not, release.recommender, query, item_id, item)
    return json_response(_to_json(result))


def _stored(state: AppState, item_id: str) -> Item | None:
    """The stored item; None also when the log does not answer, because the release knows most of it."""
    try:
        return state.store.item(item_id)
    except LogUnavailable:
        return None


def _to_json(result: WhyNot) -> dict[str, object]:
    return {
        "item_id": result.item_id,
        "name": result.name,
        "place": result.place,
        "code": result.cause.code,
        "text": result.cause.text,
        "facts": dict(result.cause.facts),
        "rank": result.rank,
        "eligible": result.eligible,
        "sources": [score._asdict() for score in result.sources],
        "rules": [note._asdict() for note in result.rules],
    }
