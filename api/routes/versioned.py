"""Versioned documents over HTTP: a body of TOML or JSON, an answer of either, and the list of versions."""

import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Header, Request, Response
from pydantic import BaseModel

from api.errors.refused import Refused
from api.routes.response import json_response
from api.schemas.validation import parse_json, validated
from recsys.versioned_toml.document import text_digest
from recsys.versioned_toml.repository import NO_FILE_DIGEST, TextVersion

M = TypeVar("M", bound=BaseModel)
TOML = "application/toml"
IfMatch = Annotated[str | None, Header(description="the `etag` of the text to replace")]


async def toml_of(request: Request, model: type[M], to_toml: Callable[[M], str]) -> str:
    """The document as TOML, from a body of TOML or of JSON.  Raises Refused."""
    raw = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != TOML:
        return to_toml(validated(model, parse_json(raw)))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Refused("invalid", f"the body is no UTF-8 text: byte {error.start}") from None


def digest_of(if_match: str | None) -> str | None:
    """The digest that the header `if-match` names."""
    return if_match.strip().strip('"') if if_match is not None else None


def document_response(request: Request, text: str | None, table: str, **state: object) -> Response:
    """The document as TOML for a request that accepts it, else as JSON: state, entries, and the text itself.

    Beside the event loop: a tenth of a second for a thousand entries.
    """
    digest = NO_FILE_DIGEST if text is None else text_digest(text)
    headers = {"etag": f'"{digest}"'}
    if TOML in request.headers.get("accept", ""):
        return Response(text or "", 200, headers, TOML)
    content = {"digest": digest, **state, table: parsed(text).get(table, []), "toml": text or ""}
    return Response(orjson.dumps(content, default=str), 200, headers, "application/json")


def parsed(text: str | None) -> dict[str, Any]:
    """The content of a text; empty when it is no TOML."""
    try:
        return tomllib.loads(text or "")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def versions_response(versions: Sequence[TextVersion]) -> Response:
    """The versions, the newest first."""
    newest_first = [{"version": each.number, "digest": each.digest, "at": to_iso(each.at_ms)} for each in versions]
    return json_response({"versions": newest_first[::-1]})


def to_iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds")
