"""CORS: the headers that let a browser show an answer to the page that asked, and the answer to its preflight."""

from collections.abc import Container, Sequence

from api.auth.authentication import Headers

_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type, x-api-key, x-request-id, x-timeout-ms"),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
)
_EXPOSED = (
    b"access-control-expose-headers",
    b"x-request-id, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset",
)


def cross_origin_headers(origin: bytes, origins: Container[bytes]) -> Sequence[tuple[bytes, bytes]]:
    """The headers of an answer to a page of that origin; none when no key names the origin."""
    if origin not in origins:
        return ()
    return ((b"access-control-allow-origin", origin), (b"vary", b"origin"), _EXPOSED)


def preflight_headers(headers: Headers, origins: Container[bytes]) -> list[tuple[bytes, bytes]] | None:
    """The headers of the answer to a preflight; None when the request is none, or no key names its origin."""
    if headers.get(b"origin") not in origins or b"access-control-request-method" not in headers:
        return None
    return list(_PREFLIGHT)
