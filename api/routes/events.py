"""What happened in the shop: accepted only when it is durable, and counted in the customer's next answer."""

import secrets
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError

from api.errors.handlers import problem_of
from api.errors.refused import Refused
from api.openapi.responses import BODY_ERRORS, body_of
from api.recommendation_service import now_ms
from api.routes.body import batch_from
from api.schemas.events import EventIn, EventsIn, VerdictsOut
from api.state import AppState, app_state
from recsys.data.events import KIND_BY_NAME, Event, content_id
from recsys.data.store.identity import AppendResult
from recsys.data.store.validation import MAX_ID

router = APIRouter(tags=["events"])

AHEAD_MS = 300_000
_PREFIX = secrets.token_hex(10)
_NUMBERS = count()
_NUMBER_OF_KIND = {name: int(kind) for name, kind in KIND_BY_NAME.items()}
_ALL = TypeAdapter(list[EventIn])

_WORDS: Final[Mapping[AppendResult, str]] = {True: "accepted", False: "duplicate", None: "withheld"}
_ALL_WORDS: Final = (*_WORDS.values(), "rejected")

Checked = Event | str  # the event, or why it is rejected


@router.post(
    "/v1/events",
    status_code=202,
    response_model=VerdictsOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(EventIn, EventsIn, many=EventIn),
)
async def add_events(request: Request) -> Response:
    """One event or up to 1,000.  202: every event that is not rejected is durable.  422: all were rejected."""
    return await take(app_state(request), await request.body())


async def take(service: AppState, raw: bytes) -> Response:
    """The answer to a body of events, once they are durable.  Raises Refused, LogUnavailable."""
    sent = batch_from(raw, "events", service.place.serve.batch_limit)
    checked = _checked(sent, now_ms())
    events = [one for one in checked if isinstance(one, Event)]
    is_new = await _stored(service, events) if events else []
    verdicts = _verdicts(sent, checked, is_new)
    words = [verdict["verdict"] for verdict in verdicts]
    counts = {word: words.count(word) for word in _ALL_WORDS}
    for word, n in counts.items():
        if n:
            service.metrics.events.labels(word).inc(n)
    if not events:
        raise Refused("bad_event", f"no event was accepted; the first: {verdicts[0]['reason']}", verdicts)
    return Response(orjson.dumps({**counts, "events": verdicts}), 202, media_type="application/json")


async def _stored(service: AppState, events: Sequence[Event]) -> list[AppendResult]:
    started = time.perf_counter()
    is_new = await service.commits.submit(events)
    service.metrics.commit.observe(time.perf_counter() - started)
    return is_new


def _checked(sent: Sequence[object], now: int) -> list[Checked]:
    seen: dict[str, int] = {}
    try:
        return [_event(one, now, seen) for one in _ALL.validate_python(sent)]
    except ValidationError:
        return [_one_checked(one, now, seen) for one in sent]


def _one_checked(sent: object, now: int, seen: dict[str, int]) -> Checked:
    try:
        return _event(EventIn.model_validate(sent), now, seen)
    except ValidationError as error:
        return problem_of(error)


def _event(one: EventIn, now: int, seen: dict[str, int]) -> Checked:
    """The event with its id and time.  `seen` counts what would get one id, as an import does: both sides agree."""
    told = one.__dict__  # asking a model for each of its fields takes as long as checking them did
    name, rating, at = told["kind"], told["rating"], told["at"]
    at_ms = now if at is None else at
    if at_ms > now + AHEAD_MS:
        return f"at: {at_ms} is more than 5 minutes ahead; check the clock and the time zone"
    if (name == "rating") != (rating is not None):
        return "rating: events of kind `rating` have one, others have none"
    event_id = told["event_id"] or (_random_id() if at is None else "")
    event = Event(
        event_id,
        told["user_id"],
        told["item_id"],
        _NUMBER_OF_KIND[name],
        at_ms,
        told["quantity"],
        told["price"],
        told["order_id"],
        rating,
        told["channel"],
        told["request_id"],
    )
    if event_id:
        return event
    first = content_id(event)
    ordinal = seen.get(first, 0)
    seen[first] = ordinal + 1
    return event._replace(event_id=content_id(event, ordinal) if ordinal else first)


def _random_id() -> str:
    """Unlike any other of any process: drawing each anew would take longer than all the rest."""
    return f"{_PREFIX}{next(_NUMBERS):012x}"


def _verdicts(
    sent: Sequence[object], checked: Sequence[Checked], is_new: Sequence[AppendResult]
) -> list[dict[str, Any]]:
    stored = iter(is_new)
    verdicts: list[dict[str, Any]] = []
    for index, one in enumerate(checked):
        if isinstance(one, Event):
            verdicts.append({"index": index, "event_id": one.event_id, "verdict": _WORDS[next(stored)]})
        else:
            verdicts.append({"index": index, "event_id": _id_of(sent[index]), "verdict": "rejected", "reason": one})
    return verdicts


def _id_of(sent: object) -> str | None:
    found = sent.get("event_id") if isinstance(sent, dict) else None
    return found if isinstance(found, str) and len(found) <= MAX_ID else None
