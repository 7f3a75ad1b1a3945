"""Calls about what was judged and how it is set: evaluations, verdicts of the gate, replayed answers, settings."""

from typing import Any, Literal

from recsys.client.call import Call
from recsys.client.calls import LONG_TIMEOUT_S
from recsys.client.types import ResponseModel


class KeptEvaluation(ResponseModel):
    """What the page of an evaluation says first.  kind: lists, customers, or releases that were compared."""

    id: str
    kind: str
    made_at_ms: int
    title: str
    verdict: str
    headline: tuple[str, ...]


class KeptEvaluations(ResponseModel):
    """The newest first."""

    evaluations: tuple[KeptEvaluation, ...]


class GateDecision(ResponseModel):
    """The gate on one release.  reasons: why it was refused.  checks: each with name, result and words.

    kept_choices: why it was learnt with the choices of the champion.
    """

    version: str
    champion: str | None
    outcome: Literal["promoted", "rejected", "forced"]
    judged_at_ms: int
    reasons: tuple[str, ...]
    checks: tuple[dict[str, str], ...]
    fairness: str
    n_customers: int
    seconds: float
    forced_because: str | None
    kept_choices: str | None
    has_page: bool


class GateDecisions(ResponseModel):
    """The last judged first."""

    verdicts: tuple[GateDecision, ...]


class AnswersEvaluation(ResponseModel):
    """What rules would have earned; rewards: by name, each estimate with value, low and high."""

    placement: str
    places: int
    answers: int
    customers: int
    effective_sample_size: float
    share_without_support: float
    rewards: dict[str, dict[str, Any]]
    never_seen: tuple[str, ...] = ()
    left_out: dict[str, int]


class Setting(ResponseModel):
    """One setting; see docs/operations/settings.md.  is_pending: the service still works with `running`."""

    table: str
    name: str
    value: Any
    default: Any
    source: Literal["default", "file", "variable"]
    place: str
    allowed: str
    meaning: str
    counts: str
    running: Any
    is_pending: bool


class Settings(ResponseModel):
    """Every setting, by table.  file: where they are read from."""

    file: str | None
    settings: tuple[Setting, ...]


def settings() -> Call[Settings]:
    """Every setting with its value, default, source and meaning; secrets are not shown."""
    return Call("GET", "/v1/settings", Settings.model_validate_json, timeout_s=LONG_TIMEOUT_S)


def evaluations() -> Call[KeptEvaluations]:
    """The evaluations and comparisons whose pages are kept."""
    return Call("GET", "/v1/evaluations", KeptEvaluations.model_validate_json)


def evaluation_page(evaluation_id: str) -> Call[bytes]:
    """The page of one evaluation as HTML."""
    return Call("GET", "/v1/evaluations/{evaluation_id}/page", bytes, {"evaluation_id": evaluation_id})


def verdicts() -> Call[GateDecisions]:
    """What the gate decided on each release."""
    return Call("GET", "/v1/verdicts", GateDecisions.model_validate_json)


def verdict_page(version: str) -> Call[bytes]:
    """The page of one verdict as HTML."""
    return Call("GET", "/v1/verdicts/{version}/page", bytes, {"version": version})


def evaluate_answers(
    rules: str, *, placement: str = "home", k: int = 3, since: int | None = None
) -> Call[AnswersEvaluation]:
    """What these rules (TOML) would have earned, from the explored answers since then (Unix ms; 28 days)."""
    body = {"rules": rules, "placement": placement, "k": k} | ({} if since is None else {"since": since})
    read = AnswersEvaluation.model_validate_json
    return Call("POST", "/v1/evaluations:try", read, body=body, timeout_s=LONG_TIMEOUT_S)
