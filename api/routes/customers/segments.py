"""Segment routes: the saved segments of customers are read, replaced and previewed; every accepted version is kept."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.errors.refused import Refused
from api.live.release import LiveRelease
from api.live.subject import Subject
from api.openapi.responses import BODY_ERRORS, RULES_ERRORS, VERSION_ERRORS, body_of, segments_body
from api.routes.response import json_response
from api.routes.versioned import IfMatch, digest_of, document_response, toml_of, versions_response
from api.schemas.customers.segments import SegmentsOut, SegmentTryIn, SegmentTryOut, SegmentVersionsOut
from api.schemas.validation import parse_body
from api.state import AppState, app_state
from api.traffic.turns import turn
from recsys.data.events import Event
from recsys.promotions.repository import open_promotion_repository
from recsys.ranking.segments.checks import check_names, check_uses
from recsys.ranking.segments.document import TABLE, SegmentsIn, to_toml
from recsys.ranking.segments.population import release_population
from recsys.ranking.segments.preview import SegmentPreview, preview_segment

router = APIRouter(tags=["segments"])


@router.get("/v1/segments", response_model=SegmentsOut, responses=RULES_ERRORS)
async def read_segments(request: Request) -> Response:
    """The saved segments.  `accept: application/toml` gives the text of the file."""
    repository = app_state(request).releases.segments.repository
    return await asyncio.to_thread(lambda: document_response(request, repository.text(), TABLE))


@router.put("/v1/segments", response_model=SegmentsOut, responses=RULES_ERRORS, openapi_extra=segments_body())
async def put_segments(request: Request, if_match: IfMatch = None) -> Response:
    """Replaces all segments, as JSON or as TOML; every worker takes them within `look_every_s`.

    Segments with a fault, or without one that a rule needs, are refused with each fault and its line, and the old ones
    stay.  With `if-match` they are replaced only if they did not change meanwhile.
    """
    state = app_state(request)
    repository = state.releases.segments.repository
    text = await toml_of(request, SegmentsIn, to_toml)
    async with turn(state.document_slots, request.receive):
        await asyncio.to_thread(_check, state, text)
        await asyncio.to_thread(repository.replace, text, digest_of(if_match))
        await state.releases.renew_segments()
    return await asyncio.to_thread(document_response, request, text, TABLE)


@router.get("/v1/segments/versions", response_model=SegmentVersionsOut, responses=RULES_ERRORS)
async def list_segment_versions(request: Request) -> Response:
    """All versions of the segments, the newest first."""
    return versions_response(await asyncio.to_thread(app_state(request).releases.segments.repository.versions))


@router.get("/v1/segments/versions/{version}", response_model=SegmentsOut, responses=VERSION_ERRORS)
async def read_segment_version(
    request: Request, version: Annotated[int, Path(ge=1, le=10**9, examples=[1])]
) -> Response:
    """The segments of one version; PUT them to /v1/segments to restore it."""
    repository = app_state(request).releases.segments.repository
    return await asyncio.to_thread(lambda: document_response(request, repository.version_text(version), TABLE))


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

    async with turn(state.population_slots, request.receive):
        preview = await state.recommendations.compute_once(None, compute, in_thread=True)
    return json_response(preview.to_json())


def _check(state: AppState, text: str) -> None:
    """Raises BadSegments: faults of the text, names that there are not, and segments that rules need."""
    releases = state.releases
    saved = releases.segments.repository.parse(text)
    check_uses(saved, releases.rules.repository.used_segments())
    promotions = open_promotion_repository(state.config.home, state.config.file).last_valid()
    check_uses(saved, promotions.segments(), "promotion")
    if releases.now is not None and saved.segments:
        recommender = releases.now.recommender
        people = release_population(recommender.engine, recommender.catalogue, state.store, releases.now.log_seq)
        check_names(saved, text, people)
