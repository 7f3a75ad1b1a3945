"""Needs route: what a customer will likely buy again within so many days."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Query as QueryParam

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import ERRORS
from api.routes.response import json_response
from api.schemas.customers.needs import NeedsOut
from api.schemas.params import FieldsParam, K, UserPathId
from api.state import app_state
from recsys.data.events import Event
from recsys.ranking.customer_profile import REFUSED
from recsys.ranking.faces import rows_with_faces
from recsys.ranking.query import Query
from recsys.ranking.reminders.customer_needs import customer_needs
from recsys.ranking.targeting.needs import MOST_DAYS

router = APIRouter(tags=["users"])


@router.get("/v1/users/{user_id:path}/needs", response_model=NeedsOut, responses=ERRORS)
async def needs_of_user(
    request: Request,
    user_id: UserPathId,
    days: Annotated[int, QueryParam(ge=1, le=MOST_DAYS, description="horizon")] = 14,
    at_least: Annotated[float, QueryParam(ge=0, le=1, description="lowest chance")] = 0.0,
    k: K = 10,
    fields: FieldsParam = (),
) -> Response:
    """What this customer will likely buy again within so many days; what they bought just now is no need any more."""
    state = app_state(request)

    def compute(release: LiveRelease, now_ms: int, events: Sequence[Event], subject: Subject) -> dict[str, Any]:
        query = Query(now_ms, k=k, user_id=subject.user_id, recent=events, attributes=subject.attributes)
        last_ms = state.store.last_event_ms()
        needs = customer_needs(release.recommender, query, days=days, at_least=at_least, last_event_ms=last_ms)
        unknown = needs["unknown"] if subject.is_personal else REFUSED
        return needs | {"needs": rows_with_faces(release.recommender, needs["needs"], fields), "unknown": unknown}

    return json_response(await state.recommendations.compute_once(user_id, compute, in_thread=True))
