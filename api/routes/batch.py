"""Many questions in one request: for e-mails, for pages with many spots.  What is wrong with one harms no other."""

import asyncio
import time
from math import inf

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from api.errors.handlers import body_of_error, invalid
from api.openapi.responses import BODY_ERRORS, body_of
from api.routes.body import batch_from
from api.routes.recommendations import allowed, answered, asking
from api.schemas.recommendations import MAX_ASKS, BatchIn, BatchOut, RecommendationsIn
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
    """Up to 256 questions, each with its answer or its error, in the order of the questions."""
    asks = batch_from(await request.body(), "asks", MAX_ASKS)
    service, request_id = app_state(request), request.scope["request_id"]
    service.live.current()  # nothing is live: that is no error of one question
    seconds = seconds_of(request.headers.get("x-timeout-ms", "").encode())
    until = inf if seconds is None else time.perf_counter() + seconds
    parts = []
    for number, ask in enumerate(asks, start=1):
        with service.load.part(until) as due:
            parts.append(await _part(request, ask, f"{request_id}.{number}", due))
        await asyncio.sleep(0)  # others are answered in between
    body = b"".join((b'{"answers":[', b",".join(parts), b'],"request_id":"', request_id.encode(), b'"}'))
    return Response(body, media_type="application/json")


async def _part(request: Request, sent: object, request_id: str, due: Deadline) -> bytes:
    service = app_state(request)
    try:
        asked = allowed(request, _asked(sent))
        return b'{"answer":%b}' % await answered(service, *await asking(service, asked, due), request_id, due)
    except RecsysError as error:
        return body_of_error(error)


def _asked(sent: object) -> RecommendationsIn:
    try:
        return RecommendationsIn.model_validate(sent)
    except ValidationError as error:
        raise invalid(error, "ask") from None
