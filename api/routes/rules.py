"""The rules of marketers: read, replaced, tried, and every version that was ever taken."""

import asyncio
import tomllib
from datetime import UTC, datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import ValidationError

from api.errors.handlers import invalid
from api.errors.refused import Refused
from api.openapi.responses import BODY_ERRORS, RULES_ERRORS, VERSION_ERRORS, body_of, rules_body
from api.routes.body import json_of
from api.routes.recommendations import ask_of
from api.schemas.rules import RulesOut, RulesTryIn, RulesTryOut, RuleVersionsOut
from api.state import AppState, app_state
from recsys.ranking.diagnostics.rule_preview import RulePreview, preview
from recsys.ranking.query import as_data
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.ranking.rules.parser import RulesIn, checked, digest_of, written
from recsys.ranking.rules.repository import NOTHING_YET, RuleRepository

router = APIRouter(tags=["rules"])

TOML = "application/toml"
IfMatch = Annotated[str | None, Header(description="the `etag` of the rules that are to be replaced")]


@router.get("/v1/rules", response_model=RulesOut, responses=RULES_ERRORS)
async def read_rules(request: Request) -> Response:
    """The rules as they are written.  `accept: application/toml` gives the file itself."""
    book = app_state(request).live.rules.book
    text = await asyncio.to_thread(book.text)
    return _told(request, text, app_state(request))


@router.put("/v1/rules", response_model=RulesOut, responses=RULES_ERRORS, openapi_extra=rules_body())
async def put_rules(request: Request, if_match: IfMatch = None) -> Response:
    """Replaces all rules, as JSON or as TOML; every worker follows within the look interval.

    What is no good is refused with each fault and its line, and the old rules stay.  With `if-match` they are replaced
    only if nobody else did so meanwhile.
    """
    service = app_state(request)
    text = _text_of(await request.body(), request.headers.get("content-type", ""), service.live.rules.book)
    expected = if_match.strip().strip('"') if if_match is not None else None
    await asyncio.to_thread(service.live.rules.book.put, text, expected)
    await service.live.look_at_rules()
    return _told(request, text, service)


@router.get("/v1/rules/versions", response_model=RuleVersionsOut, responses=RULES_ERRORS)
async def list_versions(request: Request) -> Response:
    """Every text of rules that was ever taken, newest first."""
    versions = await asyncio.to_thread(app_state(request).live.rules.book.versions)
    told = [{"version": one.number, "digest": one.digest, "at": _iso(one.at_ms)} for one in reversed(versions)]
    return _json({"versions": told})


@router.get("/v1/rules/versions/{version}", response_model=RulesOut, responses=VERSION_ERRORS)
async def read_version(request: Request, version: Annotated[int, Path(ge=1, le=10**9, examples=[1])]) -> Response:
    """One of them; to go back to it, PUT it to /v1/rules."""
    service = app_state(request)
    text = await asyncio.to_thread(service.live.rules.book.text_of, version)
    return _told(request, text, service)


@router.post("/v1/rules:try", response_model=RulesTryOut, responses=BODY_ERRORS, openapi_extra=body_of(RulesTryIn))
async def try_rules(request: Request) -> Response:
    """What rules would change in one answer, compared with no rules or with those in service.  Nothing is stored."""
    service = app_state(request)
    try:
        sent = RulesTryIn.model_validate(json_of(await request.body()))
    except ValidationError as error:
        raise invalid(error) from None
    book = service.live.rules.book
    rules = book.parsed(sent.toml) if sent.toml is not None else _parsed(sent.rules or RulesIn(), book)
    serving, ask = await ask_of(service, sent.ask)
    against = service.live.rules.now if sent.against == "in-service" else NO_RULES
    return _json(_compared(await asyncio.to_thread(preview, serving.recommender, ask, rules, against)))


def _text_of(body: bytes, content_type: str, book: RuleRepository) -> str:
    """The rules as TOML, whichever way they came.  Raises Refused, BadRules."""
    if content_type.partition(";")[0].strip().lower() == TOML:
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise Refused("invalid", f"the body is no UTF-8 text: byte {error.start}") from None
    try:
        sent = RulesIn.model_validate(json_of(body))
    except ValidationError as error:
        raise invalid(error) from None
    _parsed(sent, book)
    return written(sent)


def _parsed(sent: RulesIn, book: RuleRepository) -> Rules:
    """Rules that did not come as text, so that no fault has a line.  Raises BadRules."""
    return checked(sent, book.placements, text="")


def _told(request: Request, text: str | None, service: AppState) -> Response:
    """Rules as they are written: TOML where that is asked for; JSON holds the text too."""
    digest = NOTHING_YET if text is None else digest_of(text)
    headers = {"etag": f'"{digest}"'}
    if TOML in request.headers.get("accept", ""):
        return Response(text or "", 200, headers, TOML)
    live = service.live.rules
    told = {"digest": digest, "in_service": live.now.digest, "refusal": live.refusal, **_read(text or "")}
    return Response(orjson.dumps(told, default=str), 200, headers, "application/json")


def _read(text: str) -> dict[str, object]:
    """What a text says, as far as it is TOML."""
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        found = {}
    return {"timezone": str(found.get("timezone", "UTC")), "rules": found.get("rules", []), "toml": text}


def _compared(trial: RulePreview) -> dict[str, object]:
    moves = [move._asdict() for move in trial.moves]
    return {
        "without": as_data(trial.without)["items"],
        "with": as_data(trial.answer)["items"],
        "came_in": [move for move in moves if move["before"] is None],
        "went_out": [move for move in moves if move["after"] is None],
        "moved": [move for move in moves if move["before"] is not None and move["after"] is not None],
        "rules": [use._asdict() for use in trial.uses],
    }


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds")


def _json(told: dict[str, object]) -> Response:
    return Response(orjson.dumps(told), media_type="application/json")
