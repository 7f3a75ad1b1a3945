"""Versioned documents over HTTP: a body of TOML or JSON, an answer of either, and the list of versions."""

import tomllib
from collections.abc import Callable, Sequence
from typing import TypeVar

import orjson
from fastapi import Request, Response
from pydantic import BaseModel

from api.errors.refused import Refused
from api.routes.response import json_response
from api.routes.rules import TOML, to_iso
from api.schemas.validation import parse_json, validated
from recsys.versioned_toml.document import text_digest
from recsys.versioned_toml.repository import NO_FILE_DIGEST, TextVersion

M = TypeVar("M", bound=BaseModel)


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


def document_response(request: Request, text: str | None, table: str) -> Response:
    """The document as TOML for a request that accepts it, else as JSON, which also holds the text."""
    digest = NO_FILE_DIGEST if text is None else text_digest(text)
    headers = {"etag": f'"{digest}"'}
    if TOML in request.headers.get("accept", ""):
        return Response(text or "", 200, headers, TOML)
    try:
        entries = tomllib.loads(text or "").get(table, [])
    except (tomllib.TOMLDecodeError, RecursionError):
        entries = []
    content = {"digest": digest, table: entries, "toml": text or ""}
    return Response(orjson.dumps(content, default=str), 200, headers, "application/json")


def versions_response(versions: Sequence[TextVersion]) -> Response:
    """The versions, the newest first."""
    newest_first = [{"version": each.number, "digest": each.digest, "at": to_iso(each.at_ms)} for each in versions]
    return json_response({"versions": newest_first[::-1]})
