"""Body limit: a request body is cut off at the allowed size."""

from starlette.types import Message, Receive

from api.auth.authentication import Headers
from api.errors.refused import Refused


class BodyLimit:
    """`receive` for a body without an announced length.  Raises Refused as soon as it exceeds the limit (bytes)."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit:
            raise too_large(self._limit)
        return message


def too_large(limit: int) -> Refused:
    return Refused("body_too_large", f"the body is larger than {limit} bytes; send it in several requests")


def content_length(headers: Headers) -> int | None:
    """The announced length of the body in bytes, None when none is announced."""
    value = headers.get(b"content-length")
    return int(value) if value is not None and value.isdigit() else None
