"""Error handlers: each error as an HTTP response with the body `{"error": {"code", "message", "details"}}`."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.errors.body import error_body
from api.errors.refused import Refused
from recsys.errors import BadDocument, BadPromotions, BadSegments, RecsysError

log = structlog.get_logger()

STATUS_BY_CODE = {
    "bad_input": 422,
    "not_enough_data": 422,
    "bad_event": 422,
    "bad_item": 422,
    "bad_filter": 422,
    "unknown_attribute": 422,
    "unknown_item": 404,
    "unknown_model": 422,
    "unknown_user": 404,
    "unknown_receipt": 404,
    "unknown_run": 404,
    "unknown_report": 404,
    "unknown_experiment": 404,
    "unknown_placement": 422,
    "bad_rules": 422,
    "bad_segments": 422,
    "bad_promotions": 422,
    "promotions_changed": 412,
    "unknown_promotion": 404,
    "unknown_segment": 422,
    "segments_changed": 412,
    "campaign_changed": 412,
    "unknown_campaign": 404,
    "event_conflict": 409,
    "rules_changed": 412,
    "unknown_version": 404,
    "bad_file": 503,
    "no_live_bundle": 503,
    "bad_bundle": 503,
    "untrusted_bundle": 503,
    "log_unavailable": 503,
    "no_key": 401,
    "unknown_key": 401,
    "expired_key": 401,
    "wrong_origin": 403,
    "missing_scope": 403,
    "rate_limited": 429,
    "body_too_large": 413,
    "too_busy": 503,
    "too_many": 422,
    "bad_json": 422,
    "bad_request": 400,
    "invalid": 422,
}
# Messages of these errors name hosts, drivers and paths: clients get another one, and the log has the detail.
_BAD_BUNDLE = "the release cannot be used; the operator of the service finds the reason in the log"
PUBLIC_MESSAGES = {
    "log_unavailable": "the event log does not answer; nothing was stored; send the request again later",
    "bad_file": "a file of the service cannot be used; its operator finds the reason in the log",
    "bad_bundle": _BAD_BUNDLE,
    "untrusted_bundle": _BAD_BUNDLE,
}
CODE_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
RETRY_AFTER_S = 1
MAX_NAMED = 100  # wrong fields of a request: naming each of a hundred thousand would take minutes
_HEADERS = {401: {"www-authenticate": 'Bearer realm="recsys"'}, 503: {"retry-after": str(RETRY_AFTER_S)}}


def error_response(status: int, code: str, message: str, details: Sequence[object] = ()) -> Response:
    return Response(error_body(code, message, details), status, _HEADERS.get(status), "application/json")


def response_of(error: RecsysError) -> Response:
    """The response that stands for one of our errors."""
    return error_response(STATUS_BY_CODE.get(error.code, 500), error.code, public_message(error), _details(error))


def body_of_error(error: RecsysError) -> bytes:
    """The body alone, for one of many queries."""
    return error_body(error.code, public_message(error), _details(error))


def public_message(error: RecsysError) -> str:
    """What a client may read of the error; the log gets what it may not."""
    message = PUBLIC_MESSAGES.get(error.code)
    if message is None:
        return str(error)
    log.warning("request_failed", code=error.code, detail=str(error))
    return message


def _details(error: RecsysError) -> Sequence[object]:
    if isinstance(error, BadDocument):
        nouns = {BadSegments: "segment", BadPromotions: "promotion"}
        entry = nouns.get(type(error), "rule")
        return [
            {"line": fault.line, entry: fault.entry, "field": fault.field, "problem": fault.problem}
            for fault in error.faults
        ]
    return error.details if isinstance(error, Refused) else ()


def internal_error() -> bytes:
    """The body of a 500.  It does not name the cause, which is in the log under the request id."""
    return error_body("internal", "the service failed to answer; the log names the cause under the request id")


def refused_fields(problems: Iterable[tuple[str, str]]) -> Refused:
    """The refusal of a request for pairs of a wrong field and its problem; it names the first MAX_NAMED."""
    details = [{"field": field, "problem": problem} for field, problem in islice(problems, MAX_NAMED)]
    return Refused("invalid", _summary(details), details)


def register_errors(app: FastAPI) -> None:
    """Gives every error the same body."""
    app.add_exception_handler(RecsysError, _recsys_error)
    app.add_exception_handler(RequestValidationError, _invalid_arguments)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def _recsys_error(_request: Request, error: Exception) -> Response:
    return response_of(error) if isinstance(error, RecsysError) else Response(internal_error(), 500)


async def _invalid_arguments(_request: Request, error: Exception) -> Response:
    errors: Sequence[Any] = error.errors()[:MAX_NAMED] if isinstance(error, RequestValidationError) else ()
    details = [{"field": field_name(entry["loc"]), "problem": entry["msg"]} for entry in errors]
    return error_response(422, "invalid", _summary(details), details)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"{request.method}: {error.detail if isinstance(error, HTTPException) else ''}"
    if status == 405 and isinstance(error, HTTPException) and error.headers:
        message = (
            f"{request.method} is not for this path; it takes {error.headers.get('allow') or error.headers['Allow']}"
        )
    elif status == 404:
        message = f"{request.method}: there is no such path; /docs has all of them"
    response = error_response(status, CODE_BY_STATUS.get(status, "http_error"), message)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


async def _unexpected(_request: Request, _error: Exception) -> Response:
    return Response(internal_error(), 500, media_type="application/json")


def field_name(location: Sequence[object]) -> str:
    """`body.filters.price_to` for the parts of a location."""
    return ".".join(map(str, location))


def _summary(details: Sequence[dict[str, str]]) -> str:
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{details[0]['field']}: {details[0]['problem']}{more}" if details else "the request is not valid"
