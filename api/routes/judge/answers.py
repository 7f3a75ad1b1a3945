"""Off-policy route: what other rules would have earned, from the answers that left something to chance."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from api.openapi.responses import BODY_ERRORS, body_of
from api.schemas.judge.answers import AnswersEvaluationIn, AnswersEvaluationOut
from api.schemas.validation import parse_body
from api.state import app_state

router = APIRouter(tags=["operations"])


@router.post(
    "/v1/evaluations:try",
    response_model=AnswersEvaluationOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(AnswersEvaluationIn),
)
async def evaluate_from_answers(request: Request) -> Response:
    """What these rules would have earned, in clicks, purchases and money of each list.  Takes seconds.

    Refused in words where the log cannot know it (`not_enough_data`).  Nobody is shown anything new.
    """
    state, body = app_state(request), parse_body(AnswersEvaluationIn, await request.body())
    await asyncio.to_thread(state.releases.rules.repository.parse, body.rules)  # each fault with its line
    words = ["evaluate", "--from-answers", "--rules=-", f"--placement={body.placement}", "-k", str(body.k)]
    if body.since is not None:
        words.append(f"--since={datetime.fromtimestamp(body.since // 1_000, UTC):%Y-%m-%dT%H:%M:%S}")
    report = await state.log_reports.ask(tuple(words), body.rules.encode())
    return Response(report, media_type="application/json")
