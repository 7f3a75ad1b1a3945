"""Key figure routes: figures by period, cohorts and expected units, from the whole log."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.openapi.responses import ERRORS
from api.schemas.common import QueryTime
from api.schemas.customers.kpis import CohortsOut, ExpectedUnitsOut, KpisOut, MoversOut, PairsOut
from api.schemas.params import PRINTABLE
from api.state import app_state

MAX_UNITS = 10_000

router = APIRouter(tags=["customers"])

From = Annotated[QueryTime | None, Query(alias="from", description="without it, the last 12 periods")]
To = Annotated[QueryTime | None, Query(description="before which it ends; without it, the end of the log")]
Segment = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f]+$",
        description="only these customers: stage:loyal, rfm:champions, abc:A, or a segment",
    ),
]


@router.get("/v1/kpis", response_model=KpisOut, responses=ERRORS)
async def read_kpis(
    request: Request,
    since: From = None,
    to: To = None,
    by: Annotated[Literal["day", "week", "month"], Query(description="length of a period, in UTC")] = "week",
    segment: Segment = None,
) -> Response:
    """Key figures of customers, each with its definition and interval.  Kept for five minutes."""
    return await _report(request, "kpis", "--by", by, *_time(since, to), *_words("--segment", segment))


@router.get("/v1/cohorts", response_model=CohortsOut, responses=ERRORS)
async def read_cohorts(request: Request, since: From = None, to: To = None, segment: Segment = None) -> Response:
    """Customers by the month of their first order, and the share of them who ordered in each later month."""
    return await _report(request, "cohorts", *_time(since, to), *_words("--segment", segment))


@router.get("/v1/expected-units", response_model=ExpectedUnitsOut, responses=ERRORS)
async def read_expected_units(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_UNITS, description="items, those with the most units")] = 100,
) -> Response:
    """Units of each item in the next four weeks, with an interval of 80 % and the measured error."""
    return await _report(request, "expected-units", "--limit", str(limit))


@router.get("/v1/pairs", response_model=PairsOut, responses=ERRORS)
async def read_pairs(
    request: Request,
    by: Annotated[
        str, Query(min_length=1, max_length=100, pattern=PRINTABLE, description="item, type, category, brand, …")
    ] = "item",
    least: Annotated[int, Query(ge=1, description="baskets that hold both, at least")] = 150,
    order: Annotated[
        Literal["lift", "baskets", "support", "confidence", "confidence_back"], Query(description="the highest first")
    ] = "lift",
    limit: Annotated[int, Query(ge=1, le=MAX_UNITS)] = 100,
) -> Response:
    """What is bought together: support, confidence and lift of pairs.  Takes seconds; kept for five minutes."""
    words = (f"--by={by}", "--least", str(least), "--order", order, "--limit", str(limit))
    return await _report(request, "pairs", *words)


@router.get("/v1/movers", response_model=MoversOut, responses=ERRORS)
async def read_movers(
    request: Request,
    days: Annotated[int, Query(ge=1, le=400, description="length of both windows")] = 28,
    back: Annotated[int | None, Query(ge=1, le=2_000, description="days between them; else `days`")] = None,
    to: To = None,
    limit: Annotated[int, Query(ge=1, le=MAX_UNITS, description="items, the surest first")] = 100,
) -> Response:
    """Items whose units rose or fell between two windows, with intervals.  Takes seconds; kept for five minutes."""
    words = ("--days", str(days), *_words("--back", None if back is None else str(back)), *_words("--to", _day(to)))
    return await _report(request, "movers", *words, "--limit", str(limit))


async def _report(request: Request, *words: str) -> Response:
    return Response(await app_state(request).log_reports.read(words), media_type="application/json")


def _time(since: int | None, to: int | None) -> list[str]:
    return [*_words("--from", _day(since)), *_words("--to", _day(to))]


def _words(option: str, value: str | None) -> list[str]:
    return [] if value is None else [f"{option}={value}"]


def _day(at_ms: int | None) -> str | None:
    return None if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%dT%H:%M:%S}"
