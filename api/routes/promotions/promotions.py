"""Promotion routes: the promotions of a shop are read and replaced; every accepted version is kept."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.openapi.responses import RULES_ERRORS, VERSION_ERRORS, promotions_body
from api.routes.versioned import IfMatch, digest_of, document_response, toml_of, versions_response
from api.schemas.promotions.promotions import PromotionsOut, PromotionVersionsOut
from api.state import AppState, app_state
from api.traffic.turns import turn
from recsys.promotions.checks import check_names
from recsys.promotions.document import TABLE, PromotionsIn, to_toml
from recsys.promotions.model import Promotions
from recsys.promotions.repository import PromotionRepository, open_promotion_repository
from recsys.ranking.segments.population import release_population

router = APIRouter(tags=["promotions"])


@router.get("/v1/promotions", response_model=PromotionsOut, responses=RULES_ERRORS)
async def read_promotions(request: Request) -> Response:
    """The stored promotions.  `accept: application/toml` gives the text of the file."""
    return await asyncio.to_thread(lambda: document_response(request, promotion_repository(request).text(), TABLE))


@router.put("/v1/promotions", response_model=PromotionsOut, responses=RULES_ERRORS, openapi_extra=promotions_body())
async def put_promotions(request: Request, if_match: IfMatch = None) -> Response:
    """Replaces all promotions, as JSON or as TOML; every worker takes them at its next request.

    Promotions with a fault are refused with each fault and its line, and the old ones stay.  With `if-match` they are
    replaced only if they did not change meanwhile.
    """
    text = await toml_of(request, PromotionsIn, to_toml)
    state = app_state(request)
    async with turn(state.document_slots, request.receive):
        await asyncio.to_thread(_replace, state, promotion_repository(request), text, digest_of(if_match))
    return await asyncio.to_thread(document_response, request, text, TABLE)


@router.get("/v1/promotions/versions", response_model=PromotionVersionsOut, responses=RULES_ERRORS)
async def list_promotion_versions(request: Request) -> Response:
    """All versions of the promotions, the newest first."""
    return versions_response(await asyncio.to_thread(promotion_repository(request).versions))


@router.get("/v1/promotions/versions/{version}", response_model=PromotionsOut, responses=VERSION_ERRORS)
async def read_promotion_version(
    request: Request, version: Annotated[int, Path(ge=1, le=10**9, examples=[1])]
) -> Response:
    """The promotions of one version; PUT them to /v1/promotions to restore it."""
    return await asyncio.to_thread(
        lambda: document_response(request, promotion_repository(request).version_text(version), TABLE)
    )


def checked_promotions(state: AppState, repository: PromotionRepository, text: str) -> Promotions:
    """The promotions of a text; with a release each name is looked up, too.  Raises BadPromotions."""
    promotions, release = repository.parse(text), state.releases.now
    if release is not None:
        recommender, conditions = release.recommender, repository.segments.last_valid().conditions()
        check_names(
            promotions,
            text,
            recommender.catalogue,
            lambda: release_population(recommender.engine, recommender.catalogue, state.store, release.log_seq),
            conditions,
        )
    return promotions


def _replace(state: AppState, repository: PromotionRepository, text: str, expected: str | None) -> None:
    """Raises BadPromotions, PromotionsChanged."""
    checked_promotions(state, repository, text)
    repository.replace(text, expected)


def promotion_repository(request: Request) -> PromotionRepository:
    config = app_state(request).config
    return open_promotion_repository(config.home, config.file)
