"""Route of the rates of shown lists: how satisfied customers are, from the answer log and the events."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.openapi.responses import ERRORS
from api.schemas.common import QueryTime
from api.schemas.customers.list_rates import ListRatesOut
from api.state import app_state

BY = "placement,source,day"

router = APIRouter(tags=["customers"])


@router.get("/v1/shown/rates", response_model=ListRatesOut, responses=ERRORS)
async def read_rates(
    request: Request,
    since: Annotated[QueryTime | None, Query(alias="from", description="without it, a day before the end")] = None,
    to: Annotated[QueryTime | None, Query(description="before which it ends; without it, now")] = None,
) -> Response:
    """Dismissals, clicks, purchases and money of the lists of a time, by placement, source and day.

    Of the answers that this host gave.  Takes seconds; kept for five minutes.
    """
    words = ["shown", "--by", BY]
    for option, at_ms in (("--since", since), ("--until", to)):
        if at_ms is not None:
            words.append(f"{option}={datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%dT%H:%M:%S}")
    return Response(await app_state(request).log_reports.read(tuple(words)), media_type="application/json")
