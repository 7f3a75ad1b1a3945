"""Customer routes: the card of a customer and the sums of all, for the shop's own people."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from fastapi import APIRouter, Request, Response

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import ERRORS, USER_ERRORS
from api.routes.response import json_response
from api.schemas.customers.card import CustomerOut
from api.schemas.customers.summary import CustomerSumsOut
from api.schemas.params import UserPathId
from api.state import app_state
from api.traffic.turns import turn
from recsys.data.answer_log.answer_log import open_answer_log
from recsys.data.events import Event
from recsys.errors import NoBundle
from recsys.ranking.customer_profile import read_profile
from recsys.ranking.segments.population import NO_TABLE

router = APIRouter(tags=["customers"])


@router.get("/v1/customers/summary", response_model=CustomerSumsOut, responses=ERRORS)
async def summarize(request: Request) -> Response:
    """Sums of all customers of the release: quantiles, RFM grid, groups, ABC, stages, value, moves, concentration."""
    state = app_state(request)

    def compute(release: LiveRelease, _now_ms: int, _events: Sequence[Event], _subject: Subject) -> dict[str, Any]:
        engine = release.recommender.engine
        if not len(engine.customers):
            raise NoBundle(NO_TABLE)
        return state.customer_summary.read(engine.customers, engine.customer_scores)

    async with turn(state.population_slots, request.receive):
        return json_response(await state.recommendations.compute_once(None, compute, in_thread=True))


@router.get("/v1/customers/{user_id:path}", response_model=CustomerOut, responses=USER_ERRORS)
async def read_customer(request: Request, user_id: UserPathId) -> Response:
    """The card: who the customer is, with every figure as of the last event, and what to offer now."""
    state = app_state(request)

    def compute(release: LiveRelease, now_ms: int, _events: Sequence[Event], _subject: Subject) -> dict[str, Any]:
        answers = open_answer_log(state.config.home)
        if answers is None:
            return read_profile(state.store, release.recommender, None, user_id, now_ms)
        with closing(answers):
            return read_profile(state.store, release.recommender, answers, user_id, now_ms)

    return json_response(await state.recommendations.compute_once(user_id, compute, in_thread=True))
