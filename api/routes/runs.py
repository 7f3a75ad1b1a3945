"""Operation routes: what the jobs did and with which verdict; releases, promotion and rollback; the settings."""

from dataclasses import replace
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Request, Response

from api.errors.refused import Refused
from api.live import log_reports
from api.openapi.responses import BODY_ERRORS, ERRORS, RUN_ERRORS, body_of
from api.polling import stamp_of
from api.routes.response import json_response
from api.schemas.runs import LiveReleaseOut, PromoteIn, ReleasesOut, RollbackIn, RunOut, RunsOut, SettingsOut
from api.schemas.validation import parse_body
from api.state import app_state
from recsys.cli.settings.describe import shown_values
from recsys.config import SETTINGS_FILE
from recsys.data.run_process import with_deaths
from recsys.errors import UnknownRun
from recsys.time_units import now_ms

router = APIRouter(tags=["operations"])

_NAME = "^[A-Za-z0-9_.-]{1,64}$"


@router.get("/v1/runs", response_model=RunsOut, responses=ERRORS)
async def list_runs(
    request: Request,
    job: Annotated[str | None, Query(pattern=_NAME, description="only runs of that job", examples=["train"])] = None,
    newest: Annotated[int, Query(ge=1, le=1_000, description="how many, from the newest")] = 20,
) -> Response:
    """The runs of all jobs or of one, the newest first, without their logs."""
    state = app_state(request)
    runs = await state.in_thread(lambda: state.store.runs(job=job, newest=newest))
    return json_response(
        {"runs": [replace(run.without_customers(), log=()) for run in with_deaths(runs, now_ms=now_ms())]}
    )


@router.get("/v1/runs/{run_id}", response_model=RunOut, responses=RUN_ERRORS)
async def read_run(
    request: Request, run_id: Annotated[str, Path(pattern=_NAME, examples=["20260101T040000Z-3f9a"])]
) -> Response:
    """One run with the last lines of its log."""
    state = app_state(request)
    run = await state.in_thread(lambda: state.store.run(run_id))
    if run is None:
        raise UnknownRun(f"no run {run_id!r}; GET /v1/runs lists them")
    return json_response(with_deaths([run.without_customers()], now_ms=now_ms())[0])


@router.get("/v1/releases", response_model=ReleasesOut, responses=ERRORS)
async def list_releases(request: Request) -> Response:
    """The published releases with the verdicts of the gate, the newest first; kept for five minutes."""
    releases = await app_state(request).log_reports.read(("releases",))
    return json_response({"releases": orjson.loads(releases)})


@router.post(
    "/v1/releases:promote", response_model=LiveReleaseOut, responses=BODY_ERRORS, openapi_extra=body_of(PromoteIn)
)
async def promote_release(request: Request) -> Response:
    """Puts a release into service for all customers.  One that the gate refused stays out."""
    return await _change(request, "promote", parse_body(PromoteIn, await request.body()).version)


@router.post(
    "/v1/releases:rollback", response_model=LiveReleaseOut, responses=BODY_ERRORS, openapi_extra=body_of(RollbackIn)
)
async def roll_back(request: Request) -> Response:
    """Puts an earlier release into service again, and ends a canary; again, it goes back further."""
    version = parse_body(RollbackIn, await request.body() or b"{}").version
    return await _change(request, "rollback", *([] if version is None else [version]))


@router.get("/v1/settings", response_model=SettingsOut, responses=ERRORS)
async def read_settings(request: Request) -> Response:
    """Every setting with its default, where it came from, and when a change counts.  Secrets are not shown.

    Takes a second.
    """
    state, config = app_state(request), app_state(request).config
    stamp = stamp_of(config.file or config.home / SETTINGS_FILE)
    report = orjson.loads(await state.log_reports.read(("settings",), stamp))
    sections = (config.shop, config.serve, config.limits, config.keep, config.registry)
    running = {(each.section, name): value for each in sections for name, value in shown_values(each).items()}
    for row in report["settings"]:
        now = running.get((row["table"], row["name"]), row["value"])
        row["is_pending"] = now != row["value"]
        row["running"] = now if row["is_pending"] else None
    return json_response(report)


async def _change(request: Request, *words: str) -> Response:
    state = app_state(request)
    try:
        printed = await log_reports.run_command(state.config.home, words)
    except Refused as error:  # a release that was named wrongly is no fault of the service
        raise Refused("bad_input", str(error)) from None
    state.log_reports.drop()
    return Response(printed, media_type="application/json")
