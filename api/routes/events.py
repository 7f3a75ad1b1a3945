"""Event route: accepted only when durable, and counted in the customer's next answer."""

from fastapi import APIRouter, Request, Response

from api.auth.authentication import ANONYMOUS
from api.event_ingestion import ingest
from api.openapi.responses import BODY_ERRORS, body_of
from api.schemas.events import EventIn, EventsIn, VerdictsOut
from api.state import app_state

router = APIRouter(tags=["events"])


@router.post(
    "/v1/events",
    status_code=202,
    response_model=VerdictsOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(EventIn, EventsIn, many=EventIn),
)
async def add_events(request: Request) -> Response:
    """One event or up to 1,000.  202: every event that is not rejected is durable.  422: all were rejected."""
    return await ingest(app_state(request), await request.body(), request.scope.get("grant", ANONYMOUS))
