"""Event ingestion: events are checked one by one, stored durably, and answered with the verdict on each."""

import secrets
import time
from collections.abc import Mapping, Sequence
from itertools import count, takewhile
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson
from fastapi import Response
from pydantic import TypeAdapter, ValidationError

from api.auth.authentication import Grant
from api.errors.refused import Refused
from api.schemas.events import EventIn, plain_fields
from api.schemas.validation import first_problem, parse_batch
from api.state import AppState
from recsys.data.events import BROWSER_PREFIX, KIND_BY_NAME, Event, Kind, content_id
from recsys.data.guests import guest_id, is_guest
from recsys.data.store.identity import AppendResult, Conflict
from recsys.data.store.validation import MAX_ID
from recsys.time_units import now_ms as unix_ms

MAX_AHEAD_MS = 300_000
SERVER_KINDS = frozenset({Kind.PURCHASE, Kind.RETURN, Kind.RATING})
_PREFIX = secrets.token_hex(10)
_NUMBERS = count()
_NUMBER_BY_KIND = {name: int(kind) for name, kind in KIND_BY_NAME.items()}
_EVENTS = TypeAdapter(list[EventIn])
_LATER_FIELDS = itemgetter(*Event._fields[Event._fields.index("quantity") :])

VERDICT_BY_RESULT: Final[Mapping[AppendResult, str]] = {True: "accepted", False: "duplicate", None: "withheld"}
VERDICTS: Final = ("accepted", "duplicate", "conflict", "withheld", "rejected")
_NOT_STORED = {"conflict", "rejected"}
_NONE_YET = dict.fromkeys(VERDICTS, 0)

CheckedEvent = Event | str  # the event, or why it is rejected


class CheckedBody(NamedTuple):
    """A body of events: its entries, each as an event or why it is rejected, and the events to store."""

    entries: Sequence[object]
    checked: Sequence[CheckedEvent]
    events: Sequence[Event]


async def ingest(state: AppState, raw: bytes, grant: Grant) -> Response:
    """The answer to a body of events, once they are durable.  Raises Refused, LogUnavailable."""
    body, started = check_body(state, raw, grant), time.perf_counter()
    results = await state.commits.submit(body.events) if body.events else []
    return Response(verdicts_on(state, body, results, started), 202, media_type="application/json")


def check_body(state: AppState, raw: bytes, grant: Grant) -> CheckedBody:
    """Checks each event.  Raises Refused for a body that holds none."""
    entries = parse_batch(raw, "events", state.config.serve.batch_limit)
    checked = _checked(entries, unix_ms())
    if grant.origins:
        may_buy = state.config.serve.browser_purchases
        checked = [_from_browser(event, may_buy) for event in checked]
    return CheckedBody(entries, checked, [event for event in checked if isinstance(event, Event)])


def verdicts_on(state: AppState, body: CheckedBody, results: Sequence[AppendResult], started: float) -> bytes:
    """The JSON of the answer, once the events are durable.  Raises Refused when none of them is stored.

    started: when they were submitted, on the clock of `time.perf_counter`.
    """
    if body.events:
        state.metrics.commit.observe(time.perf_counter() - started)
    if results.count(True) == len(body.checked):  # as nearly always: the general way takes a twelfth of all work
        state.metrics.count_events("accepted", len(results))
        return orjson.dumps({**_NONE_YET, "accepted": len(results), "events": _accepted(body.events)})
    verdicts = _verdicts(body.entries, body.checked, results)
    names = [verdict["verdict"] for verdict in verdicts]
    counts = {name: names.count(name) for name in VERDICTS}
    for name, n in counts.items():
        if n:
            state.metrics.count_events(name, n)
    if _NOT_STORED.issuperset(names):
        code = "event_conflict" if "conflict" in names else "bad_event"
        raise Refused(code, f"no event was accepted; the first: {verdicts[0]['reason']}", verdicts)
    return orjson.dumps({**counts, "events": verdicts})


def _accepted(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [{"index": index, "event_id": event.event_id, "verdict": "accepted"} for index, event in enumerate(events)]


def _checked(entries: Sequence[object], now_ms: int) -> list[CheckedEvent]:
    ordinals: dict[str, int] = {}
    plain = [fields for fields in takewhile(bool, map(plain_fields, entries)) if fields]
    if len(plain) == len(entries):
        return [_event(fields, now_ms, ordinals) for fields in plain]
    try:
        return [_event(event_in.__dict__, now_ms, ordinals) for event_in in _EVENTS.validate_python(entries)]
    except ValidationError:
        return [_checked_alone(entry, now_ms, ordinals) for entry in entries]


def _checked_alone(entry: object, now_ms: int, ordinals: dict[str, int]) -> CheckedEvent:
    try:
        return _event(EventIn.model_validate(entry).__dict__, now_ms, ordinals)
    except ValidationError as error:
        return first_problem(error, EventIn)


def _event(fields: Mapping[str, Any], now_ms: int, ordinals: dict[str, int]) -> CheckedEvent:
    """The event with its id and time.

    fields: those of `EventIn`, from its dict: reading each field of a model takes as long as its validation.
    ordinals: number of events with the same content so far, as an import counts them, so that both give the same ids.
    """
    kind, rating, at = fields["kind"], fields["rating"], fields["at"]
    at_ms = now_ms if at is None else at
    if at_ms > now_ms + MAX_AHEAD_MS:
        return f"at: {at_ms} is more than 5 minutes ahead; check the clock and the time zone"
    if (kind == "rating") != (rating is not None):
        return "rating: events of kind `rating` have one, others have none"
    event_id = fields["event_id"] or (random_id() if at is None else "")
    user_id = fields["user_id"]
    event = Event(
        event_id,
        guest_id(fields["order_id"], at_ms, fields["item_id"]) if is_guest(user_id) else user_id,
        fields["item_id"],
        _NUMBER_BY_KIND[kind],
        at_ms,
        *_LATER_FIELDS(fields),
    )
    if event_id:
        return event
    first = content_id(event)
    ordinal = ordinals.get(first, 0)
    ordinals[first] = ordinal + 1
    return event._replace(event_id=content_id(event, ordinal) if ordinal else first)


def _from_browser(event: CheckedEvent, may_buy: bool) -> CheckedEvent:
    """The event as a browser's key may send it.

    Everybody can read such a key.  So it neither says what was bought, nor takes an id before the shop's own event of
    that id comes, nor moves what is learnt as far as the shop's own events: its ids have a prefix.
    """
    if isinstance(event, str):
        return event
    if event.kind in SERVER_KINDS and not may_buy:
        return "kind: a browser's key sends no purchases, returns and ratings; send them from a server"
    event_id = BROWSER_PREFIX + event.event_id
    return event._replace(event_id=event_id) if len(event_id) <= MAX_ID else "event_id: too long for a browser's key"


def random_id() -> str:
    """Unique over all processes.  A random number for each event would take longer than all other work on it."""
    return f"{_PREFIX}{next(_NUMBERS):012x}"


def _verdicts(
    entries: Sequence[object], checked: Sequence[CheckedEvent], results: Sequence[AppendResult]
) -> list[dict[str, Any]]:
    stored = iter(results)
    verdicts: list[dict[str, Any]] = []
    for index, event in enumerate(checked):
        if isinstance(event, Event):
            verdicts.append({"index": index, "event_id": event.event_id, **_verdict(next(stored), entries[index])})
        else:
            event_id = _event_id(entries[index])
            verdicts.append({"index": index, "event_id": event_id, "verdict": "rejected", "reason": event})
    return verdicts


def _verdict(result: AppendResult, entry: object) -> dict[str, str]:
    """The verdict of the store.  An event without a time is the same as one of any time."""
    if not isinstance(result, Conflict):
        return {"verdict": VERDICT_BY_RESULT[result]}
    fields = tuple(name for name in result.fields if name not in _made_from_time(entry))
    return {"verdict": "conflict", "reason": str(Conflict(fields))} if fields else {"verdict": "duplicate"}


def _made_from_time(entry: object) -> set[str]:
    """The fields of an event that its time of arrival decided."""
    if not isinstance(entry, dict) or entry.get("at") is not None:
        return set()
    return {"at_ms", "user_id"} if is_guest(str(entry["user_id"]).strip()) else {"at_ms"}


def _event_id(entry: object) -> str | None:
    event_id = entry.get("event_id") if isinstance(entry, dict) else None
    return event_id if isinstance(event_id, str) and len(event_id) <= MAX_ID else None
