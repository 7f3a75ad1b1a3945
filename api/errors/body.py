"""What every refusal says: the one form of an error, for those who answer before there is a request."""

from collections.abc import Sequence

import orjson


def error_body(code: str, message: str, details: Sequence[object] = ()) -> bytes:
    """`{"error": {"code", "message", "details"}}` as JSON."""
    return orjson.dumps({"error": {"code": code, "message": message, "details": list(details)}})
