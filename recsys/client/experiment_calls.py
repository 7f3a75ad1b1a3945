"""Calls about experiments: A/B tests of the engine, as their routes answer."""

from typing import Any

from recsys.client.call import Call
from recsys.client.calls import LONG_TIMEOUT_S, Json
from recsys.client.types import ResponseModel


class EngineExperiment(ResponseModel):
    """One experiment: its plan, when it began and ended (Unix ms), and why."""

    plan: dict[str, Any]
    began_at_ms: int
    outcome: str
    reasons: tuple[str, ...]
    ended_at_ms: int | None


class EngineExperiments(ResponseModel):
    """All experiments, the newest first."""

    experiments: tuple[EngineExperiment, ...]


class EngineExperimentTrial(ResponseModel):
    """A plan that was checked; `words` says whether the shop has enough customers for it."""

    id: str
    power: dict[str, float | None]
    words: str


class EngineExperimentResult(ResponseModel):
    """An experiment with its result, whose `verdict` is a sentence; see docs/experiments.md."""

    experiment: EngineExperiment
    result: dict[str, Any]
    watched: tuple[dict[str, Any], ...] = ()


def experiments() -> Call[EngineExperiments]:
    """All experiments, the newest first."""
    return Call("GET", "/v1/experiments", EngineExperiments.model_validate_json)


def start_experiment(plan: Json) -> Call[EngineExperiment]:
    """Starts an experiment in every worker; `plan` has the fields of docs/experiments.md."""
    return Call("POST", "/v1/experiments", EngineExperiment.model_validate_json, body=plan, is_repeatable=False)


def try_experiment(plan: Json) -> Call[EngineExperimentTrial]:
    """Checks a plan and says how many customers it needs.  Nothing starts."""
    read = EngineExperimentTrial.model_validate_json
    return Call("POST", "/v1/experiments:try", read, body=plan, timeout_s=LONG_TIMEOUT_S)


def experiment(experiment_id: str) -> Call[EngineExperiment]:
    """One experiment."""
    path = {"experiment_id": experiment_id}
    return Call("GET", "/v1/experiments/{experiment_id}", EngineExperiment.model_validate_json, path)


def experiment_result(experiment_id: str) -> Call[EngineExperimentResult]:
    """Its verdict in one sentence, and the effect on each measure."""
    path, parse = {"experiment_id": experiment_id}, EngineExperimentResult.model_validate_json
    return Call("GET", "/v1/experiments/{experiment_id}/result", parse, path, timeout_s=LONG_TIMEOUT_S)


def stop_experiment(experiment_id: str, reason: str = "stopped by the client") -> Call[EngineExperiment]:
    """Stops it: everybody gets the shop as it is again."""
    path, body = {"experiment_id": experiment_id}, {"reason": reason}
    parse = EngineExperiment.model_validate_json
    return Call("POST", "/v1/experiments/{experiment_id}:stop", parse, path, body=body, is_repeatable=False)
