"""Segment routes: the saved segments of customers are read, replaced and previewed; every accepted version is kept."""

import asyncio
import tomllib
from collections.abc import Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request, Response

from api.errors.refused import Refused
from api.live.release import LiveRelease
from api.live.user_state import Subject
from api.openapi.responses import BODY_ERRORS, RULES_ERRORS, VERSION_ERRORS, body_of, segments_body
from api.routes.response import json_response
from api.routes.rules import TOML, IfMatch, to_iso
from api.schemas.customers.segments import SegmentsOut, SegmentTryIn, SegmentTryOut, SegmentVersionsOut
from api.schemas.validation import parse_body, parse_json, validated
from api.state import AppState, app_state
from recsys.data.events import Event
from recsys.ranking.segments.checks import check_names, check_uses
from recsys.ranking.segments.document import SegmentsIn, to_toml
from recsys.ranking.segments.population import release_population
from recsys.ranking.segments.preview import SegmentPreview, preview_segment
from recsys.versioned_toml.document import text_digest
from recsys.versioned_toml.repository import NO_FILE_DIGEST

router = APIRouter(tags=["segments"])


@router.get("/v1/segments", response_model=SegmentsOut, responses=RULES_ERRORS)
async def read_segments(request: Request) -> Response:
    """The saved segments.  `accept: application/toml` gives the text of the file."""
    repository = app_state(request).releases.segments.repository
    return _respond(request, await asyncio.to_thread(repository.text))


@router.put("/v1/segments", response_model=SegmentsOut, responses=RULES_ERRORS, openapi_extra=segments_body())
async def put_segments(request: Request, if_match: IfMatch = None) -> Response:
    """Replaces all segments, as JSON or as TOML; every worker takes them within `look_every_s`.

    Segments with a fault, or without one that a rule needs, are refused with each fault and its line, and the old ones
    stay.  With `if-match` they are replaced only if they did not change meanwhile.
    """
    state = app_state(request)
    repository = state.releases.segments.repository
    text = _to_toml(await request.body(), request.headers.get("content-type", ""))
    expected = if_match.strip().strip('"') if if_match is not None else None
    await asyncio.to_thread(_check, state, text)
    await asyncio.to_thread(repository.replace, text, expected)
    await state.releases.renew_segments()
    return _respond(request, text)


@router.get("/v1/segments/versions", response_model=SegmentVersionsOut, responses=RULES_ERRORS)
async def list_segment_versions(request: Request) -> Response:
    """All versions of the segments, the newest first."""
    versions = await asyncio.to_thread(app_state(request).releases.segments.repository.versions)
    newest_first = [{"version": each.number, "digest": each.digest, "at": to_iso(each.at_ms)} for each in versions]
    return json_response({"versions": newest_first[::-1]})


@router.get("/v1/segments/versions/{version}", response_model=SegmentsOut, responses=VERSION_ERRORS)
async def read_segment_version(
    request: Request, version: Annotated[int, Path(ge=1, le=10**9, examples=[1])]
) -> Response:
    """The segments of one version; PUT them to /v1/segments to restore it."""
    repository = app_state(request).releases.segments.repository
    return _respond(request, await asyncio.to_thread(repository.version_text, version))


@router.post(
    "/v1/segments:try",
    response_model=SegmentTryOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(SegmentTryIn),
)
async def try_segment(request: Request) -> Response:
    """A preview of a condition or a saved segment: size, revenue, reach by consent, overlap.  Nothing is stored."""
    state, body = app_state(request), parse_body(SegmentTryIn, await request.body())
    repository = state.releases.segments.repository
    saved = await asyncio.to_thread(repository.last_valid)
    where = repository.named_condition(body.where, body.segment, saved)
    if where is None:
        raise Refused("invalid", "where, segment: give one of both")

    def compute(release: LiveRelease, _now_ms: int, _events: Sequence[Event], _subject: Subject) -> SegmentPreview:
        recommender = release.recommender
        people = release_population(recommender.engine, recommender.catalogue, state.store, release.log_seq)
        return preview_segment(where, saved, people)

    preview = await state.recommendations.compute_once(None, compute, in_thread=True)
    return json_response(preview.to_json())


def _check(state: AppState, text: str) -> None:
    """Raises BadSegments: faults of the text, names that there are not, and segments that rules need."""
    releases = state.releases
    saved = releases.segments.repository.parse(text)
    check_uses(saved, releases.rules.repository.used_segments())
    if releases.now is not None and saved.segments:
        recommender = releases.now.recommender
        people = release_population(recommender.engine, recommender.catalogue, state.store, releases.now.log_seq)
        check_names(saved, text, people)


def _to_toml(raw: bytes, content_type: str) -> str:
    """The segments as TOML, from a body of TOML or of JSON.  Raises Refused."""
    if content_type.partition(";")[0].strip().lower() != TOML:
        return to_toml(validated(SegmentsIn, parse_json(raw)))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Refused("invalid", f"the body is no UTF-8 text: byte {error.start}") from None


def _respond(request: Request, text: str | None) -> Response:
    """The segments as TOML for a request that accepts it, else as JSON, which also holds the text."""
    digest = NO_FILE_DIGEST if text is None else text_digest(text)
    headers = {"etag": f'"{digest}"'}
    if TOML in request.headers.get("accept", ""):
        return Response(text or "", 200, headers, TOML)
    try:
        segments = tomllib.loads(text or "").get("segments", [])
    except (tomllib.TOMLDecodeError, RecursionError):
        segments = []
    content = {"digest": digest, "segments": segments, "toml": text or ""}
    return Response(orjson.dumps(content, default=str), 200, headers, "application/json")
