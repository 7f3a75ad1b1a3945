"""Run routes: what the jobs did, when, why, from which data, and with which verdict."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.openapi.responses import ERRORS, RUN_ERRORS
from api.routes.response import json_response
from api.schemas.runs import RunOut, RunsOut
from api.state import app_state
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
