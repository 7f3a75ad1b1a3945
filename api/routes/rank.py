"""A list of the shop's own in the order in which one customer wants it."""

from collections.abc import Sequence

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from api.errors.handlers import invalid
from api.live.release import LiveRelease
from api.live.user_state import Subject
from api.openapi.responses import BODY_ERRORS, body_of
from api.routes.recommendations import session_event
from api.schemas.rank import RankIn, RankingOut
from api.state import app_state
from recsys.data.events import Event
from recsys.ranking.query import Query
from recsys.ranking.targeting.rank_items import Ranking

router = APIRouter(tags=["recommendations"])

MANY = 100  # items that take longer than the others who wait for the loop should


@router.post("/v1/rank", response_model=RankingOut, responses=BODY_ERRORS, openapi_extra=body_of(RankIn))
async def rank(request: Request) -> Response:
    """The items that were sent, each known one once, in the order in which this customer wants them."""
    try:
        asked = RankIn.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid(error) from None

    def make(serving: LiveRelease, now: int, events: Sequence[Event], asker: Subject) -> Ranking:
        ask = Query(
            now_ms=now,
            placement=asked.placement,
            user_id=asker.user_id,
            recent=events,
            session=[session_event(one, now) for one in asked.session] if asker.is_personal else (),
            context=asked.context,
            attributes={**asker.attributes, **asked.attributes} if asker.is_personal else {},
        )
        return serving.recommender.rank(ask, asked.items, model=asked.model, sinks=asked.sinks)

    made = await app_state(request).answers.once(asked.user_id, make, apart=len(asked.items) > MANY)
    return Response(orjson.dumps(made.as_data()), media_type="application/json")
