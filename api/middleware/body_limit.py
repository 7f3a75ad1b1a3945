"""Body limit: a request body is cut off at the allowed size."""

from starlette.types import Message, Receive

from api.auth.authentication import Headers
from api.errors.refused import Refused


class BodyLimit:
    """A body of unannounced length, up to the limit."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit:
            raise _too_large(self._limit)
        return message


def _too_large(limit: int) -> Refused:
    return Refused("body_too_large", f"the body is larger than {limit} bytes; send it in several requests")


def _content_length(headers: Headers) -> int | None:
    value = headers.get(b"content-length")
    return int(value) if value is not None and value.isdigit() else None
