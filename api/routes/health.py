"""How the service is: for the load balancer, for Prometheus, for people."""

import time

import orjson
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.errors.handlers import error_response
from api.openapi.responses import ERRORS, FAULT
from api.schemas.health import LiveOut, ReadyOut, VersionOut
from api.state import AppState, app_state
from recsys import __version__

router = APIRouter(tags=["operations"])

EXPOSITION = {
    "description": "The text format of Prometheus",
    "content": {
        "text/plain": {"schema": {"type": "string"}, "example": 'recsys_answers_total{source="memory"} 812.0\n'}
    },
}


@router.get("/livez", response_model=LiveOut, responses={500: FAULT})
async def livez() -> Response:
    """200 while the process answers."""
    return _json({"status": "ok"})


@router.get("/readyz", response_model=ReadyOut, responses={503: ERRORS[503]})
async def readyz(request: Request) -> Response:
    """200 when recommendations can be given; `parts` tells how each part is, `warnings` what is wrong beside that."""
    service = app_state(request)
    serving = service.live.now
    if serving is None:
        return error_response(503, "no_live_bundle", service.live.refusal or "nothing is live yet; run `recsys train`")
    return _json(
        {"status": "ready", "model_version": serving.version, "parts": _parts(service), "warnings": _warnings(service)}
    )


@router.get("/version", response_model=VersionOut)
async def versions(request: Request) -> Response:
    """The build, and the model in service."""
    serving = app_state(request).live.now
    model = serving and {
        "version": serving.version,
        "made_at_ms": serving.made_at_ms,
        "age_s": round(time.time() - serving.made_at_ms / 1_000),
        "item_revision": serving.item_revision,
    }
    return _json({"version": __version__, "model": model})


@router.get("/metrics", response_class=Response, responses={200: EXPOSITION})
async def metrics(request: Request) -> Response:
    """What a Prometheus server reads."""
    return Response(app_state(request).metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _parts(service: AppState) -> dict[str, str]:
    """`ok`, `unset` for what is not used, or what is wrong with it in a word."""
    redis = "unset" if service.redis is None else _state(service.redis.breaker.is_closed, "down")
    keys = _state(service.guard.complaint is None, "unreadable") if service.guard.is_on else "unset"
    return {
        "bundle": _state(service.live.refusal is None, "refused"),
        "log": _state(service.recent.breaker.is_closed, "down"),
        "redis": redis,
        "rules": _state(service.live.rules.refusal is None, "refused"),
        "keys": keys,
        "threads": _state(not service.place.wrong_limits, "too many"),
    }


def _state(is_well: bool, trouble: str) -> str:
    return "ok" if is_well else trouble


def _warnings(service: AppState) -> list[str]:
    found = []
    if wrong := service.place.wrong_limits:
        named = ", ".join(f"{name}={value or 'unset'}" for name, value in wrong.items())
        found.append(f"threads: {named}; start with `recsys serve`, or set each to 1")
    if not service.recent.breaker.is_closed:
        found.append("log: cannot be reached; answers stand on what was known last")
    if service.redis is not None and not service.redis.breaker.is_closed:
        found.append("redis: cannot be reached; answers are cached in process only")
    if service.guard.complaint is not None:
        found.append(f"keys: {service.guard.complaint}")
    if service.live.refusal is not None:
        found.append(f"bundle: {service.live.refusal}")
    if service.live.rules.refusal is not None:
        found.append(f"rules: {service.live.rules.refusal}; the old ones hold")
    return found


def _json(told: dict[str, object]) -> Response:
    return Response(orjson.dumps(told), media_type="application/json")
