"""Batch route: many queries in one request, for e-mails and for pages with many lists; each fails on its own."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from math import inf

from fastapi import APIRouter, Request, Response

from api.errors.handlers import body_of_error
from api.errors.refused import Refused
from api.list_query import cacheable_query, check_explain, count_lists, n_lists
from api.openapi.responses import BODY_ERRORS, body_of
from api.routes.recommendations import recommend
from api.schemas.recommendations import MAX_ASKS, BatchIn, BatchOut, RecommendationsIn
from api.schemas.validation import parse_batch, validated
from api.state import AppState, app_state
from api.traffic.deadline import Deadline, seconds_of
from api.traffic.turns import WaitingClient, turn
from recsys.errors import RecsysError
from recsys.ranking.placements import Placements

router = APIRouter(tags=["recommendations"])


@router.post(
    "/v1/recommendations:batch",
    response_model=BatchOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(BatchIn, many=RecommendationsIn),
)
async def recommendations_in_batch(request: Request) -> Response:
    """Up to 256 queries, each with its list or its error, in the order of the queries."""
    raw = await request.body()
    state, request_id = app_state(request), request.scope["request_id"]
    seconds = seconds_of(request.headers.get("x-timeout-ms", "").encode())
    until = inf if seconds is None else time.perf_counter() + seconds
    # Parsed queries take fifty times their bytes: those that wait are not parsed yet
    async with turn(state.batch_slots, request.receive) as client:
        entries = [_checked(request, entry) for entry in parse_batch(raw, "asks", MAX_ASKS)]
        placements = state.releases.current().recommender.placements  # without a live release the whole request fails
        _count_work(request, [entry for entry in entries if isinstance(entry, RecommendationsIn)], placements)
        parts = [part async for part in _parts(request, client, entries, until)]
    content = b"".join((b'{"answers":[', b",".join(parts), b'],"request_id":"', request_id.encode(), b'"}'))
    return Response(content, media_type="application/json")


def _checked(request: Request, entry: object) -> RecommendationsIn | RecsysError:
    """One query, or its error."""
    try:
        body = validated(RecommendationsIn, entry, "ask")
        check_explain(request, body)
    except RecsysError as error:
        return error
    return body


def _count_work(request: Request, bodies: Sequence[RecommendationsIn], placements: Placements) -> None:
    """Counts every list for the rate limit.  Raises Refused when there are too many items in all of them."""
    n_each = [n_lists(body, placements) for body in bodies]
    n_items = sum(n * body.k for n, body in zip(n_each, bodies, strict=True))
    limit = app_state(request).config.serve.work_limit
    if n_items > limit:
        reason = f"asks: {n_items} items in one request (k x rows x asks), at most {limit} ([serve] work_limit)"
        raise Refused("too_many", f"{reason}; send several requests")
    count_lists(request, sum(n_each))


async def _parts(
    request: Request, client: WaitingClient, entries: Sequence[RecommendationsIn | RecsysError], until: float
) -> AsyncIterator[bytes]:
    """The answers, one after the other.  Raises ClientDisconnect if the client is gone."""
    state, request_id = app_state(request), request.scope["request_id"]
    for number, entry in enumerate(entries, start=1):
        client.check()
        with state.load_shedder.part(until) as deadline:
            yield await _part(state, entry, f"{request_id}.{number}", deadline)
        await asyncio.sleep(0)  # other requests are answered in between


async def _part(state: AppState, body: RecommendationsIn | RecsysError, request_id: str, deadline: Deadline) -> bytes:
    if isinstance(body, RecsysError):
        return body_of_error(body)
    try:
        query = await cacheable_query(state, body, deadline)
        return b'{"answer":%b}' % await recommend(state, query, request_id, deadline)
    except RecsysError as error:
        return body_of_error(error)
