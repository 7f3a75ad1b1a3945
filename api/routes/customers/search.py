"""Customer search routes: the customers of a condition or a segment with their figures, in pages."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import BODY_ERRORS, body_of
from api.routes.response import json_response
from api.schemas.customers.search import CustomersFoundOut, CustomersSearchIn
from api.schemas.validation import parse_body
from api.state import app_state
from api.traffic.turns import turn
from recsys.data.events import Event
from recsys.ranking.segments.named import needs_records
from recsys.ranking.segments.population import release_population
from recsys.ranking.segments.search import CustomerPage, search_customers

router = APIRouter(tags=["customers"])


@router.post(
    "/v1/customers:search",
    response_model=CustomersFoundOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(CustomersSearchIn),
)
async def search(request: Request) -> Response:
    """The customers of a condition or a saved segment, ordered by a figure, without those who refused personalisation.

    Figures are those of the release.  `customers` is the number of all, null below 20.
    """
    state, body = app_state(request), parse_body(CustomersSearchIn, await request.body())
    repository = state.releases.segments.repository
    saved = await asyncio.to_thread(repository.last_valid)
    where = repository.named_condition(body.where, body.segment, saved)
    page = CustomerPage(body.order, tuple(body.fields), body.limit, body.offset, body.reverse)

    def compute(release: LiveRelease, _now_ms: int, _events: Sequence[Event], _subject: Subject) -> dict[str, Any]:
        recommender = release.recommender
        read = release_population if needs_records(where, saved) else state.named_customers.population
        people = read(recommender.engine, recommender.catalogue, state.store, release.log_seq)
        return search_customers(people, where, saved, page) | {"model_version": release.version}

    async with turn(state.population_slots, request.receive):
        return json_response(await state.recommendations.compute_once(None, compute, in_thread=True))
