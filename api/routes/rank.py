"""Rank route: ranks items sent by the shop for one customer."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from api.list_query import session_event
from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import BODY_ERRORS, body_of
from api.routes.response import json_response
from api.schemas.rank import RankIn, RankingOut
from api.schemas.validation import parse_body
from api.state import app_state
from recsys.data.events import Event
from recsys.ranking.faces import rows_with_faces
from recsys.ranking.query import Query

router = APIRouter(tags=["recommendations"])

MAX_ON_EVENT_LOOP = 100  # ranking more items takes longer than other requests should wait for the event loop


@router.post("/v1/rank", response_model=RankingOut, responses=BODY_ERRORS, openapi_extra=body_of(RankIn))
async def rank(request: Request) -> Response:
    """The items that were sent, each known one once, in the order in which this customer wants them."""
    body = parse_body(RankIn, await request.body())

    def compute(release: LiveRelease, now_ms: int, events: Sequence[Event], subject: Subject) -> dict[str, Any]:
        query = Query(
            now_ms=now_ms,
            placement=body.placement,
            user_id=subject.user_id,
            recent=events,
            session=[session_event(event, now_ms) for event in body.session] if subject.is_personal else (),
            context_item_ids=body.context,
            attributes={**subject.attributes, **body.attributes} if subject.is_personal else {},
        )
        ranking = release.recommender.rank(query, body.items, model=body.model, sinks=body.sinks).to_json()
        return ranking | {"items": rows_with_faces(release.recommender, ranking["items"], body.fields)}

    state = app_state(request)
    in_thread = len(body.items) > MAX_ON_EVENT_LOOP
    ranking = await state.recommendations.compute_once(body.user_id, compute, in_thread=in_thread)
    return json_response(ranking)
