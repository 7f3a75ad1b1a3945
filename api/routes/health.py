"""Health routes: liveness, readiness, version and metrics."""

import time

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.errors.handlers import error_response
from api.openapi.responses import ERRORS, FAULT
from api.routes.response import json_response
from api.schemas.health import LiveOut, ReadyOut, VersionOut
from api.state import AppState, app_state
from recsys import __version__
from recsys.data.lineage import NOT_COVERED, of_another_log

router = APIRouter(tags=["operations"])

EXPOSITION = {
    "description": "The text format of Prometheus",
    "content": {
        "text/plain": {"schema": {"type": "string"}, "example": 'recsys_answers_total{source="memory"} 812.0\n'}
    },
}


@router.get("/livez", response_model=LiveOut, responses={500: FAULT})
async def livez() -> Response:
    """200 while the process runs."""
    return json_response({"status": "ok"})


@router.get("/readyz", response_model=ReadyOut, responses={503: ERRORS[503]})
async def readyz(request: Request) -> Response:
    """200 when recommendations can be given; `parts` holds their state, `warnings` what is wrong nevertheless."""
    state = app_state(request)
    release, refusal = state.releases.now, state.releases.refusal
    if release is None:
        return error_response(503, "no_live_bundle", refusal or "nothing is live yet; run `recsys train`")
    return json_response(
        {"status": "ready", "model_version": release.version, "parts": _parts(state), "warnings": _warnings(state)}
    )


@router.get("/version", response_model=VersionOut)
async def versions(request: Request) -> Response:
    """The version of the software, and the model in service."""
    release = app_state(request).releases.now
    model = release and {
        "version": release.version,
        "made_at_ms": release.made_at_ms,
        "age_s": round(time.time() - release.made_at_ms / 1_000),
        "item_revision": release.item_revision,
    }
    return json_response({"version": __version__, "model": model})


@router.get("/metrics", response_class=Response, responses={200: EXPOSITION})
async def metrics(request: Request) -> Response:
    """The metrics for a Prometheus server."""
    state = app_state(request)
    jobs = await state.in_thread(state.job_metrics.exposition)
    return Response(state.metrics.exposition() + jobs, media_type=CONTENT_TYPE_LATEST)


def _parts(state: AppState) -> dict[str, str]:
    """`ok`, `unset` for a part that is not used, or its trouble in a word."""
    redis = "unset" if state.redis is None else _status(state.redis.breaker.is_closed, "down")
    keys = _status(state.authenticator.problem is None, "unreadable") if state.authenticator.is_on else "unset"
    return {
        "bundle": _bundle_status(state),
        "log": _status(state.user_states.breaker.is_closed, "down"),
        "redis": redis,
        "rules": _status(state.releases.rules.refusal is None, "refused"),
        "keys": keys,
        "threads": _status(not state.config.wrong_limits, "too many"),
    }


def _bundle_status(state: AppState) -> str:
    if state.releases.refusal is not None:
        return "refused"
    return _status(state.releases.current().log_seq != NOT_COVERED.seq, "of another log")


def _status(is_well: bool, trouble: str) -> str:
    return "ok" if is_well else trouble


def _warnings(state: AppState) -> list[str]:
    warnings = []
    if wrong := state.config.wrong_limits:
        named = ", ".join(f"{name}={value or 'unset'}" for name, value in wrong.items())
        warnings.append(f"threads: {named}; start with `recsys serve`, or set each to 1")
    if not state.user_states.breaker.is_closed:
        warnings.append("log: cannot be reached; answers stand on what was known last")
    if state.redis is not None and not state.redis.breaker.is_closed:
        warnings.append("redis: cannot be reached; answers are cached in process only")
    if state.authenticator.problem is not None:
        warnings.append(f"keys: {state.authenticator.problem}")
    if state.releases.refusal is not None:
        warnings.append(f"bundle: {state.releases.refusal}")
    if (release := state.releases.current()).log_seq == NOT_COVERED.seq:
        warnings.append(f"bundle: {of_another_log(release.version)}")
    if state.releases.rules.refusal is not None:
        warnings.append(f"rules: {state.releases.rules.refusal}; the old ones hold")
    return warnings
