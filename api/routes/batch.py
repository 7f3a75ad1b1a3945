"""Batch route: many queries in one request, for e-mails and for pages with many lists; each fails on its own."""

import asyncio
import time
from math import inf

from fastapi import APIRouter, Request, Response

from api.errors.handlers import body_of_error
from api.openapi.responses import BODY_ERRORS, body_of
from api.routes.query import cacheable_query, check_explain
from api.routes.recommendations import recommend
from api.schemas.recommendations import MAX_ASKS, BatchIn, BatchOut, RecommendationsIn
from api.schemas.validation import parse_batch, validated
from api.state import app_state
from api.traffic.deadline import Deadline, seconds_of
from recsys.errors import RecsysError

router = APIRouter(tags=["recommendations"])


@router.post(
    "/v1/recommendations:batch",
    response_model=BatchOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(BatchIn, many=RecommendationsIn),
)
async def recommendations_in_batch(request: Request) -> Response:
    """Up to 256 queries, each with its list or its error, in the order of the queries."""
    entries = parse_batch(await request.body(), "asks", MAX_ASKS)
    state, request_id = app_state(request), request.scope["request_id"]
    state.releases.current()  # no live release is an error of the whole request
    seconds = seconds_of(request.headers.get("x-timeout-ms", "").encode())
    until = inf if seconds is None else time.perf_counter() + seconds
    parts = []
    for number, entry in enumerate(entries, start=1):
        with state.load_shedder.part(until) as deadline:
            parts.append(await _part(request, entry, f"{request_id}.{number}", deadline))
        await asyncio.sleep(0)  # other requests are answered in between
    content = b"".join((b'{"answers":[', b",".join(parts), b'],"request_id":"', request_id.encode(), b'"}'))
    return Response(content, media_type="application/json")


async def _part(request: Request, entry: object, request_id: str, deadline: Deadline) -> bytes:
    state = app_state(request)
    try:
        body = validated(RecommendationsIn, entry, "ask")
        check_explain(request, body)
        query = await cacheable_query(state, body, deadline)
        return b'{"answer":%b}' % await recommend(state, query, request_id, deadline)
    except RecsysError as error:
        return body_of_error(error)
