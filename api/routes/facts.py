"""Fact routes: accepted only when durable, with the contract of events; and a summary of what customers said."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from api.auth.authentication import ANONYMOUS, Grant
from api.errors.refused import Refused
from api.event_ingestion import MAX_AHEAD_MS, VERDICT_BY_RESULT, VERDICTS, random_id
from api.openapi.responses import BODY_ERRORS, ERRORS, body_of
from api.routes.response import json_response
from api.schemas.common import QueryTime
from api.schemas.facts import FactIn, FactsIn, FactSummaryOut, FactVerdictsOut
from api.schemas.validation import first_problem, parse_batch
from api.state import app_state
from recsys.customers.surveys import summarize_facts
from recsys.data.events import BROWSER_PREFIX
from recsys.data.facts import FACT_KIND_BY_NAME, Fact, FactKind, fact_content_id, fact_fault
from recsys.data.store.identity import AppendResult, Conflict
from recsys.data.store.validation import MAX_ID
from recsys.privacy.stated_facts import add_facts
from recsys.time_units import DAY_MS
from recsys.time_units import now_ms as unix_ms

BROWSER_KINDS = frozenset({FactKind.SEARCH, FactKind.SURVEY, FactKind.SIGN_UP})
SUMMARY_DAYS = 28
_NOT_STORED = {"conflict", "rejected"}

CheckedFact = Fact | str  # the fact, or why it is rejected

router = APIRouter(tags=["facts"])


@router.post(
    "/v1/facts",
    status_code=202,
    response_model=FactVerdictsOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(FactIn, FactsIn, many=FactIn),
)
async def put_facts(request: Request) -> Response:
    """One fact or up to 1,000.  202: every fact that is not rejected is durable.  422: all were rejected."""
    state = app_state(request)
    grant: Grant = request.scope.get("grant", ANONYMOUS)
    entries = parse_batch(await request.body(), "facts", state.config.serve.batch_limit)
    checked = _checked(entries, unix_ms())
    if grant.origins:
        checked = [_from_browser(fact) for fact in checked]
    facts = [fact for fact in checked if isinstance(fact, Fact)]
    results = await state.in_thread(lambda: add_facts(state.store, state.config.home, facts)) if facts else []
    verdicts = _verdicts(entries, checked, results)
    names = [verdict["verdict"] for verdict in verdicts]
    counts = {name: names.count(name) for name in VERDICTS}
    if _NOT_STORED.issuperset(names):
        code = "event_conflict" if "conflict" in names else "bad_event"
        raise Refused(code, f"no fact was accepted; the first: {verdicts[0]['reason']}", verdicts)
    return Response(orjson.dumps({**counts, "facts": verdicts}), 202, media_type="application/json")


@router.get("/v1/facts/summary", response_model=FactSummaryOut, responses=ERRORS)
async def read_summary(
    request: Request,
    since: Annotated[QueryTime | None, Query(description="28 days before `until` when left out")] = None,
    until: Annotated[QueryTime | None, Query(description="now when left out; facts before that moment count")] = None,
) -> Response:
    """Searches without a result, net promoter score and satisfied customers, of groups of 20 customers and more."""
    state = app_state(request)
    until_ms = unix_ms() if until is None else until
    since_ms = until_ms - SUMMARY_DAYS * DAY_MS if since is None else since
    summary = await state.in_thread(lambda: summarize_facts(state.store, since_ms, until_ms))
    names = ("query", "searches", "customers")
    return json_response(
        {
            "since": since_ms,
            "until": until_ms,
            "searches": [dict(zip(names, search, strict=True)) for search in summary.searches],
            "rare_searches": summary.n_rare,
            "nps": summary.nps and summary.nps._asdict(),
            "csat": summary.csat and summary.csat._asdict(),
        }
    )


def _checked(entries: Sequence[object], now_ms: int) -> list[CheckedFact]:
    ordinals: dict[str, int] = {}
    return [_checked_alone(entry, now_ms, ordinals) for entry in entries]


def _checked_alone(entry: object, now_ms: int, ordinals: dict[str, int]) -> CheckedFact:
    try:
        fact_in = FactIn.model_validate(entry)
    except ValidationError as error:
        return first_problem(error, FactIn)
    at_ms = now_ms if fact_in.at is None else fact_in.at
    if at_ms > now_ms + MAX_AHEAD_MS:
        return f"at: {at_ms} is more than 5 minutes ahead; check the clock and the time zone"
    kind = int(FACT_KIND_BY_NAME[fact_in.kind])
    fact_id = fact_in.fact_id or (random_id() if fact_in.at is None else "")
    fact = Fact(fact_id, fact_in.user_id, kind, at_ms, fact_in.value, fact_in.text, fact_in.ref, fact_in.channel)
    return fact_fault(fact) or (fact if fact_id else _with_content_id(fact, ordinals))


def _with_content_id(fact: Fact, ordinals: dict[str, int]) -> Fact:
    """The fact with an id of its content; ordinals: number of equal facts so far, as an import counts them."""
    first = fact_content_id(fact)
    ordinal = ordinals.get(first, 0)
    ordinals[first] = ordinal + 1
    return fact._replace(fact_id=fact_content_id(fact, ordinal) if ordinal else first)


def _from_browser(fact: CheckedFact) -> CheckedFact:
    """The fact as a browser's key may send it: nobody vouches for its customer, and its id has a prefix."""
    if isinstance(fact, str):
        return fact
    if fact.kind not in BROWSER_KINDS:
        return "kind: a browser's key sends searches, surveys and sign-ups; send others from a server"
    fact_id = BROWSER_PREFIX + fact.fact_id
    return fact._replace(fact_id=fact_id) if len(fact_id) <= MAX_ID else "fact_id: too long for a browser's key"


def _verdicts(
    entries: Sequence[object], checked: Sequence[CheckedFact], results: Sequence[AppendResult]
) -> list[dict[str, Any]]:
    stored = iter(results)
    verdicts: list[dict[str, Any]] = []
    for index, (entry, fact) in enumerate(zip(entries, checked, strict=True)):
        if isinstance(fact, Fact):
            verdicts.append({"index": index, "fact_id": fact.fact_id, **_verdict(next(stored), entry)})
        else:
            verdicts.append({"index": index, "fact_id": _fact_id(entry), "verdict": "rejected", "reason": fact})
    return verdicts


def _verdict(result: AppendResult, entry: object) -> dict[str, str]:
    """The verdict of the store.  A fact without a time is the same as one of any time."""
    if not isinstance(result, Conflict):
        return {"verdict": VERDICT_BY_RESULT[result]}
    is_timeless = isinstance(entry, dict) and entry.get("at") is None
    fields = tuple(name for name in result.fields if not (is_timeless and name == "at_ms"))
    return (
        {"verdict": "conflict", "reason": str(result._replace(fields=fields))} if fields else {"verdict": "duplicate"}
    )


def _fact_id(entry: object) -> str | None:
    fact_id = entry.get("fact_id") if isinstance(entry, dict) else None
    return fact_id if isinstance(fact_id, str) and len(fact_id) <= MAX_ID else None
