"""Experiment routes: A/B tests of the engine are planned, started, listed, read and stopped."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response

from api.openapi.responses import BODY_ERRORS, ERRORS, EXPERIMENT_ERRORS, body_of
from api.routes.response import json_response
from api.schemas.customers.experiments import (
    ExperimentOut,
    ExperimentResultOut,
    ExperimentsOut,
    ExperimentStopIn,
    ExperimentTrialOut,
)
from api.schemas.validation import parse_body
from api.state import AppState, app_state
from recsys.errors import BadInput
from recsys.experiments.definition import ExperimentPlan
from recsys.experiments.state import Experiment, find_experiment, read_experiments
from recsys.ranking.variants import checked_plan
from recsys.shared_registry.experiments import start_experiment, stop_experiment
from recsys.shared_registry.mirror import RegistryMirror, open_mirror
from recsys.time_units import now_ms
from recsys.versioned_toml.document import toml_text

router = APIRouter(tags=["operations"])

ExperimentId = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,47}$", examples=["more-new"])]


@router.get("/v1/experiments", response_model=ExperimentsOut, responses=ERRORS)
async def list_experiments(request: Request) -> Response:
    """All experiments, the newest first."""
    state = app_state(request)
    experiments = await state.in_thread(lambda: read_experiments(state.config.bundles))
    return json_response({"experiments": [_as_data(experiment) for experiment in reversed(experiments)]})


@router.post(
    "/v1/experiments", response_model=ExperimentOut, responses=BODY_ERRORS, openapi_extra=body_of(ExperimentPlan)
)
async def start(request: Request) -> Response:
    """Starts an experiment in every worker.  `rules` of an arm: TOML, or the digest of a stored version.

    Refused while a canary or another experiment runs.
    """
    state, plan = app_state(request), parse_body(ExperimentPlan, await request.body())
    return json_response(_as_data(await state.in_thread(lambda: _start(state, plan))))


@router.post(
    "/v1/experiments:try",
    response_model=ExperimentTrialOut,
    responses=BODY_ERRORS,
    openapi_extra=body_of(ExperimentPlan),
)
async def try_plan(request: Request) -> Response:
    """Checks a plan, and says how many customers it needs and the shop has.  Nothing starts.  Takes seconds."""
    plan = parse_body(ExperimentPlan, await request.body())
    given = toml_text(plan, BadInput).encode()
    printed = await app_state(request).log_reports.ask(("experiment", "plan", "-"), given)
    return Response(printed, media_type="application/json")


@router.get("/v1/experiments/{experiment_id}", response_model=ExperimentOut, responses=EXPERIMENT_ERRORS)
async def read_experiment(request: Request, experiment_id: ExperimentId) -> Response:
    """One experiment; the newest of that id."""
    return json_response(_as_data(await _find(app_state(request), experiment_id)))


@router.get("/v1/experiments/{experiment_id}/result", response_model=ExperimentResultOut, responses=EXPERIMENT_ERRORS)
async def read_result(request: Request, experiment_id: ExperimentId) -> Response:
    """The verdict in one sentence, with the effect on each measure, of the answers that this host gave.

    Takes seconds; kept for five minutes.
    """
    state = app_state(request)
    await _find(state, experiment_id)
    report: dict[str, Any] = orjson.loads(await state.log_reports.read(("experiment", "read", experiment_id)))
    report["experiment"].pop("salt")
    return json_response(report)


@router.post(
    "/v1/experiments/{experiment_id}:stop",
    response_model=ExperimentOut,
    responses=EXPERIMENT_ERRORS,
    openapi_extra=body_of(ExperimentStopIn),
)
async def stop(request: Request, experiment_id: ExperimentId) -> Response:
    """Stops it: everybody gets the shop as it is again.  Its result can still be read."""
    state, body = app_state(request), parse_body(ExperimentStopIn, await request.body() or b"{}")
    bundles = state.config.bundles
    stopped = await state.in_thread(
        lambda: stop_experiment(bundles, _mirror(state), experiment_id, body.reason, now_ms())
    )
    return json_response(_as_data(stopped))


async def _find(state: AppState, experiment_id: str) -> Experiment:
    return await state.in_thread(lambda: find_experiment(read_experiments(state.config.bundles), experiment_id))


def _start(state: AppState, plan: ExperimentPlan) -> Experiment:
    config, recommender = state.config, state.releases.current().recommender
    plan = checked_plan(plan, state.releases.rules.repository, config.file, recommender, config.bundles)
    return start_experiment(config.bundles, _mirror(state), plan, now_ms())


def _mirror(state: AppState) -> RegistryMirror | None:
    config = state.config
    return open_mirror(config.home, config.registry, config.serve.trusted_keys)


def _as_data(experiment: Experiment) -> dict[str, Any]:
    """Without the salt: whoever knows it knows the arm of every customer."""
    return experiment.model_dump(mode="json", exclude={"salt"})
