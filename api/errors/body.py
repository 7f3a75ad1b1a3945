"""Error body: the one JSON shape of an error, also for code that answers before there is a request."""

from collections.abc import Sequence
from typing import Any

import orjson

MOST_CHARS = 2_000  # of a message; what somebody sent may be quoted in it


def error_body(code: str, message: str, details: Sequence[object] = ()) -> bytes:
    """`{"error": {"code", "message", "details"}}` as JSON."""
    return orjson.dumps({"error": {"code": code, "message": _cut(message), "details": list(map(_cut_texts, details))}})


def _cut_texts(detail: object) -> object:
    return {name: _cut(value) for name, value in detail.items()} if isinstance(detail, dict) else detail


def _cut(value: Any) -> Any:
    is_long = isinstance(value, str) and len(value) > MOST_CHARS
    return f"{value[: MOST_CHARS - 1]}…" if is_long else value
