"""A list of the shop's own in the order in which one customer wants it."""

from collections.abc import Sequence

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from api.docs import BODY_ERRORS, body_of
from api.errors import invalid
from api.live import Serving
from api.recent import Asker
from api.routes.recommendations import session_event
from api.schemas_rank import RankIn, RankingOut
from api.service import service_of
from recsys.data.events import Event
from recsys.ranking.query import Ask
from recsys.ranking.rank import Ranking

router = APIRouter(tags=["recommendations"])

MANY = 100  # items that take longer than the others who wait for the loop should


@router.post("/v1/rank", response_model=RankingOut, responses=BODY_ERRORS, openapi_extra=body_of(RankIn))
async def rank(request: Request) -> Response:
    """The items that were sent, each known one once, in the order in which this customer wants them."""
    try:
        asked = RankIn.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid(error) from None

    def make(serving: Serving, now: int, events: Sequence[Event], asker: Asker) -> Ranking:
        ask = Ask(
            now_ms=now,
            placement=asked.placement,
            user_id=asker.user_id,
            recent=events,
            session=[session_event(one, now) for one in asked.session] if asker.is_personal else (),
            context=asked.context,
            attributes={**asker.attributes, **asked.attributes} if asker.is_personal else {},
        )
        return serving.recommender.rank(ask, asked.items, model=asked.model, sinks=asked.sinks)

    made = await service_of(request).answers.once(asked.user_id, make, apart=len(asked.items) > MANY)
    return Response(orjson.dumps(made.as_data()), media_type="application/json")
