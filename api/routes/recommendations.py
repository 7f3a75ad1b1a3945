"""Recommendation routes: lists for a customer, for an anonymous visitor, beside an item."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi import Query as QueryParam

from api.list_query import body_from_params, cacheable_query, check_explain, count_lists, n_lists
from api.openapi.responses import BODY_ERRORS, ERRORS, ITEM_ERRORS, body_of
from api.recommendation_service import CacheableQuery, plain_query, similar_query, with_request_id
from api.routes.response import json_response
from api.schemas.params import FieldsParam, K, PathId, UserPathId, WhereText, parse_where
from api.schemas.recommendations import PlacementsOut, RecommendationsIn, RecommendationsOut, RowsOut
from api.schemas.validation import parse_body
from api.state import AppState, app_state
from api.traffic.deadline import NEVER, Deadline

router = APIRouter(tags=["recommendations"])

ListOut = RecommendationsOut | RowsOut


@router.get("/v1/users/{user_id:path}/recommendations", response_model=ListOut, responses=ERRORS)
async def recommendations_of_user(  # noqa: PLR0913 - the query parameters, by name
    request: Request,
    user_id: UserPathId,
    k: K = 10,
    placement: Annotated[str, QueryParam(max_length=1_000, description="a named spot of the shop")] = "home",
    rows: Annotated[bool, QueryParam(description="several titled lists in one answer, those of the placement")] = False,
    explain: Annotated[bool, QueryParam(description="adds to each item how it came to its place")] = False,
    rotate: Annotated[bool, QueryParam(description="demotes what this customer was shown lately")] = False,
    fields: FieldsParam = (),
) -> Response:
    """A list for this customer in this placement, now.  An unknown customer gets a list too."""
    if not (rows or explain or rotate or fields):
        return await _respond(request, plain_query(user_id, placement, k))
    more = {"rows": rows, "explain": explain, "rotate": rotate, "fields": [*fields]}
    return await _recommend(request, body_from_params({"user_id": user_id, "placement": placement, "k": k, **more}))


@router.post(
    "/v1/recommendations",
    response_model=ListOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(RecommendationsIn),
)
async def recommendations(request: Request) -> Response:
    """A list for a query with any fields: session, context, exclusions, filters, list options."""
    return await _recommend(request, parse_body(RecommendationsIn, await request.body()))


@router.get("/v1/items/{item_id:path}/similar", response_model=RecommendationsOut, responses=ITEM_ERRORS)
async def similar_items(
    request: Request, item_id: PathId, k: K = 10, where: WhereText = None, fields: FieldsParam = ()
) -> Response:
    """Items that go with this item."""
    return await _respond(request, similar_query(item_id, k, parse_where(where), fields))


@router.get("/v1/placements", response_model=PlacementsOut, responses=ERRORS)
async def list_placements(request: Request) -> Response:
    """The named spots of the shop."""
    placements = app_state(request).releases.current().recommender.placements
    fields = {"title", "asks", "rows"}
    return json_response(
        {"placements": [{"name": name, **each.model_dump(include=fields)} for name, each in placements.items()]}
    )


async def recommend(state: AppState, query: CacheableQuery, request_id: str, deadline: Deadline = NEVER) -> bytes:
    """The JSON of the list, noted in the answer log."""
    payload = await state.recommendations.recommend(query, deadline)
    if state.answer_log is not None:
        state.answer_log.note(request_id, state.user_states.owner(query.user_id), payload)
    return with_request_id(payload, request_id)


async def _recommend(request: Request, body: RecommendationsIn) -> Response:
    check_explain(request, body)
    if body.rows is not False:
        count_lists(request, n_lists(body, app_state(request).releases.current().recommender.placements))
    return await _respond(request, await cacheable_query(app_state(request), body, request.scope["deadline"]))


async def _respond(request: Request, query: CacheableQuery) -> Response:
    scope = request.scope
    content = await recommend(app_state(request), query, scope["request_id"], scope["deadline"])
    return Response(content, media_type="application/json")
