"""Changes route: which customers crossed a stage, lost a class of value, or are due for a reminder since a moment."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import ERRORS
from api.routes.response import json_response
from api.schemas.common import QueryTime
from api.schemas.customers.changes import ChangesOut
from api.state import app_state
from api.traffic.turns import turn
from recsys.data.events import Event
from recsys.ranking.reminders.changes import CHANGE_KINDS, ChangeKind, find_changes

router = APIRouter(tags=["users"])
MOST_CHANGES = 10_000  # of a page


@router.get("/v1/customers/changes", response_model=ChangesOut, responses=ERRORS)
async def changes_of_customers(
    request: Request,
    since: Annotated[QueryTime, Query(description="ISO 8601 or Unix milliseconds", examples=["2026-01-01"])],
    change: Annotated[ChangeKind | None, Query(description="only changes of that kind")] = None,
    to: Annotated[str | None, Query(max_length=100, description="only to that stage, class or item")] = None,
    offset: Annotated[int, Query(ge=0, description="changes to skip")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_CHANGES, description="most changes wanted")] = 1_000,
) -> Response:
    """Which customers changed from that moment until the release, page by page.  Takes seconds in a large shop."""
    state = app_state(request)

    def compute(release: LiveRelease, now_ms: int, _events: Sequence[Event], _subject: Subject) -> dict[str, Any]:
        kinds = CHANGE_KINDS if change is None else (change,)
        since_then = find_changes(state.store, release.recommender, since, now_ms, kinds)
        changes = [each for each in since_then.changes if to is None or each["to"] == to]
        return {
            "since": since,
            "as_of": since_then.as_of_ms,
            "total": len(changes),
            "offset": offset,
            "changes": changes[offset : offset + limit],
            "model_version": release.version,
        }

    # It goes through all customers, and lists for shoppers come first
    async with turn(state.audience_slot, request.receive):
        return json_response(await state.recommendations.compute_once(None, compute, in_thread=True))
