"""Error body: the one JSON shape of an error, also for code that answers before there is a request."""

from collections.abc import Sequence

import orjson


def error_body(code: str, message: str, details: Sequence[object] = ()) -> bytes:
    """`{"error": {"code", "message", "details"}}` as JSON."""
    return orjson.dumps({"error": {"code": code, "message": message, "details": list(details)}})
