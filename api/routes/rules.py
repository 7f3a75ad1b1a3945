"""Rule routes: the rules of marketers are read, replaced and previewed; every accepted version is kept."""

import asyncio
import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.errors.refused import Refused
from api.list_query import query_now
from api.live.release import LiveRelease
from api.live.rules import LiveRules
from api.openapi.responses import BODY_ERRORS, RULES_ERRORS, VERSION_ERRORS, body_of, rules_body
from api.routes.response import json_response
from api.routes.versioned import TOML, IfMatch, digest_of, document_response, parsed, versions_response
from api.schemas.rules import RulesOut, RulesTryIn, RulesTryOut, RuleVersionsOut
from api.schemas.validation import parse_json, validated
from api.state import AppState, app_state
from api.traffic.turns import turn
from recsys.data.store.consent import known_user
from recsys.ranking.diagnostics.rule_preview import RulePreview, preview
from recsys.ranking.diagnostics.shop_preview import ShopPreview, preview_shop, sampled_customers
from recsys.ranking.query import Query, to_json
from recsys.ranking.recommender import with_segment_members
from recsys.ranking.rules.checks import check_rule_names
from recsys.ranking.rules.model import NO_RULES, Rules
from recsys.ranking.rules.parser import RulesIn, to_toml, validate_rules
from recsys.ranking.rules.repository import RuleRepository

router = APIRouter(tags=["rules"])

PAUSE_S = 0.001  # after each customer of a shop preview: requests get the interpreter


@router.get("/v1/rules", response_model=RulesOut, responses=RULES_ERRORS)
async def read_rules(request: Request) -> Response:
    """The stored rules.  `accept: application/toml` gives the text of the file."""
    rules = app_state(request).releases.rules
    return await asyncio.to_thread(lambda: _respond(request, rules.repository.text(), rules))


@router.put("/v1/rules", response_model=RulesOut, responses=RULES_ERRORS, openapi_extra=rules_body())
async def put_rules(request: Request, if_match: IfMatch = None) -> Response:
    """Replaces all rules, as JSON or as TOML; every worker takes them within `look_every_s`.

    Invalid rules are refused with each fault and its line, and the old rules stay.  With `if-match` the rules are
    replaced only if they did not change meanwhile.
    """
    state, content_type = app_state(request), request.headers.get("content-type", "")
    raw, releases = await request.body(), state.releases
    async with turn(state.document_slots, request.receive):
        text = await asyncio.to_thread(_replace, state, raw, content_type, digest_of(if_match))
        await releases.reload_rules_if_changed()
        await releases.renew_segments()
    return await asyncio.to_thread(_respond, request, text, releases.rules)


@router.get("/v1/rules/versions", response_model=RuleVersionsOut, responses=RULES_ERRORS)
async def list_versions(request: Request) -> Response:
    """All versions of the rules, the newest first."""
    return versions_response(await asyncio.to_thread(app_state(request).releases.rules.repository.versions))


@router.get("/v1/rules/versions/{version}", response_model=RulesOut, responses=VERSION_ERRORS)
async def read_version(request: Request, version: Annotated[int, Path(ge=1, le=10**9, examples=[1])]) -> Response:
    """The rules of one version; PUT them to /v1/rules to restore it."""
    rules = app_state(request).releases.rules
    return await asyncio.to_thread(lambda: _respond(request, rules.repository.version_text(version), rules))


@router.post("/v1/rules:try", response_model=RulesTryOut, responses=BODY_ERRORS, openapi_extra=body_of(RulesTryIn))
async def try_rules(request: Request) -> Response:
    """A preview: how rules change one list, compared with no rules or the rules in use.  Nothing is stored.

    With `customers`, also those of so many sampled customers: lists changed, expected money, coverage.
    """
    state, body = app_state(request), validated(RulesTryIn, parse_json(await request.body()))
    async with turn(state.document_slots, request.receive):
        return json_response(await _tried(state, body))


async def _tried(state: AppState, body: RulesTryIn) -> dict[str, object]:
    live = state.releases.rules
    rules = await asyncio.to_thread(_rules_of, body, live.repository)
    await asyncio.to_thread(_check_names, state, rules, body.toml or "")
    release, query = await query_now(state, body.ask)
    rules = await asyncio.to_thread(_with_members, state, release, rules)
    against = live.now if body.against == "in-service" else NO_RULES
    content = _preview(await asyncio.to_thread(preview, release.recommender, query, rules, against))
    if body.customers is not None:
        shop = await asyncio.to_thread(_shop_preview, state, release, query, (rules, against), body.customers)
        content["shop"] = shop.to_json()
    return content


def _replace(state: AppState, raw: bytes, content_type: str, digest: str | None) -> str:
    """The new rules as TOML.  Raises Refused, BadRules, RulesChanged."""
    repository = state.releases.rules.repository
    text = _to_toml(raw, content_type, repository)
    _check_names(state, repository.parse(text), text)
    repository.replace(text, digest)
    return text


def _shop_preview(
    state: AppState, release: LiveRelease, query: Query, rules: tuple[Rules, Rules], n: int
) -> ShopPreview:
    """What the first of the rules change in the lists of n customers, compared with the second."""
    sample = sampled_customers(release.recommender.engine.users, n)
    known = [known_user(state.store, user, release.log_seq) for user in sample]
    queries = [replace(query, user_id=each.user_id, recent=each.recent, attributes=each.attributes) for each in known]
    return preview_shop(release.recommender, queries, *rules, on_customer=lambda *_: time.sleep(PAUSE_S))


def _check_names(state: AppState, rules: Rules, text: str) -> None:
    """Raises BadRules for attributes that no item or no customer has."""
    release = state.releases.now
    check_rule_names(rules, text, None if release is None else release.recommender.catalogue, state.store)


def _with_members(state: AppState, release: LiveRelease, rules: Rules) -> Rules:
    """The rules with the members of the segments that they name."""
    recommender, config = release.recommender.with_rules(rules), state.config
    return with_segment_members(recommender, state.store, release.log_seq, config.home, config.file).rules


def _to_toml(raw: bytes, content_type: str, repository: RuleRepository) -> str:
    """The rules as TOML, from a body of TOML or of JSON.  Raises Refused, BadRules."""
    if content_type.partition(";")[0].strip().lower() == TOML:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise Refused("invalid", f"the body is no UTF-8 text: byte {error.start}") from None
    rules = validated(RulesIn, parse_json(raw))
    _checked(rules, repository)
    return to_toml(rules)


def _rules_of(body: RulesTryIn, repository: RuleRepository) -> Rules:
    """The rules to try.  Raises BadRules."""
    return repository.parse(body.toml) if body.toml is not None else _checked(body.rules or RulesIn(), repository)


def _checked(rules: RulesIn, repository: RuleRepository) -> Rules:
    """Rules sent as JSON, whose faults have no line numbers.  Raises BadRules."""
    return validate_rules(rules, repository.placements, repository.segments.names(), text="")


def _respond(request: Request, text: str | None, live: LiveRules) -> Response:
    """The rules as TOML for a request that accepts it, else as JSON, which also holds the text."""
    state = {
        "in_service": live.now.digest,
        "refusal": live.refusal,
        "timezone": str(parsed(text).get("timezone", "UTC")),
    }
    return document_response(request, text, "rules", **state)


def _preview(result: RulePreview) -> dict[str, object]:
    moves = [move._asdict() for move in result.changes]
    return {
        "without": to_json(result.before)["items"],
        "with": to_json(result.after)["items"],
        "came_in": [move for move in moves if move["before"] is None],
        "went_out": [move for move in moves if move["after"] is None],
        "moved": [move for move in moves if move["before"] is not None and move["after"] is not None],
        "rules": [use._asdict() for use in result.effects],
    }
