"""Report routes: evaluations that are kept, verdicts of the gate, and the page of each."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from api.openapi.responses import ERRORS, REPORT_RESPONSES
from api.routes.response import json_response
from api.schemas.judge.reports import GateDecisionsOut, KeptEvaluationsOut
from api.state import app_state
from recsys.errors import UnknownReport
from recsys.gate.verdict import GateVerdict
from recsys.gate.verdict_files import MOST_PAGES, VerdictFiles
from recsys.jobs.evaluation_files import EvaluationFiles

router = APIRouter(tags=["operations"])

HTML = "text/html; charset=utf-8"
PageId = Annotated[str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", examples=["20260101T040000Z-3f9a"])]


@router.get("/v1/evaluations", response_model=KeptEvaluationsOut, responses=ERRORS)
async def list_evaluations(request: Request) -> Response:
    """The evaluations and comparisons of releases whose pages are kept, the newest first."""
    files = EvaluationFiles(app_state(request).config.home)
    kept = await asyncio.to_thread(files.all)
    return json_response({"evaluations": [each.model_dump(mode="json") for each in kept]})


@router.get("/v1/evaluations/{evaluation_id}/page", response_class=Response, responses=REPORT_RESPONSES)
async def read_evaluation_page(request: Request, evaluation_id: PageId) -> Response:
    """The page of one evaluation: HTML without scripts, which shows what some customers bought, without their ids."""
    files = EvaluationFiles(app_state(request).config.home)
    return Response(await asyncio.to_thread(files.page, evaluation_id), media_type=HTML)


@router.get("/v1/verdicts", response_model=GateDecisionsOut, responses=ERRORS)
async def list_verdicts(request: Request) -> Response:
    """What the gate decided on each release, with every check in words."""
    files = VerdictFiles(app_state(request).config.bundles)
    return json_response({"verdicts": await asyncio.to_thread(_decisions, files)})


@router.get("/v1/verdicts/{version}/page", response_class=Response, responses=REPORT_RESPONSES)
async def read_verdict_page(request: Request, version: PageId) -> Response:
    """The page of one verdict: the checks, and the lists of both releases beside each other; HTML without scripts."""
    files = VerdictFiles(app_state(request).config.bundles)
    return Response(await asyncio.to_thread(_page, files, version), media_type=HTML)


def _decisions(files: VerdictFiles) -> list[dict[str, Any]]:
    return [_decision(verdict, files) for verdict in files.newest()]


def _decision(verdict: GateVerdict, files: VerdictFiles) -> dict[str, Any]:
    has_page = files.page(verdict.version) is not None
    known = verdict.model_dump(mode="json", exclude={"facts", "is_retried"})
    return known | {"reasons": verdict.reasons, "has_page": has_page}


def _page(files: VerdictFiles, version: str) -> bytes:
    page = files.page(version)
    if page is None:
        raise UnknownReport(f"no page of a verdict on {version!r} is kept; the newest {MOST_PAGES} are")
    return page.read_bytes()
