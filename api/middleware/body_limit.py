"""Body limit: a request body is cut off at the allowed size."""

from starlette.types import Message, Receive

from api.auth.authentication import Headers
from api.errors.refused import Refused

SMALL = 65_536  # bytes of a body that are not counted


class BodyMemory:
    """Bytes of large bodies that a worker holds at a time: each may wait for its turn, and a client may send many."""

    def __init__(self, max_bytes: int) -> None:
        self._free = max_bytes

    def take(self, n_bytes: int) -> None:
        """Raises Refused when there is no room."""
        if n_bytes > self._free:
            raise Refused("too_busy", "too many large bodies at a time; send this one again later, or in smaller parts")
        self._free -= n_bytes

    def give_back(self, n_bytes: int) -> None:
        self._free += n_bytes


class BodyLimit:
    """`receive` for a body without an announced length.

    Raises Refused as soon as it exceeds the limit (bytes), or the memory has no room for it.
    """

    def __init__(self, receive: Receive, limit: int, memory: BodyMemory) -> None:
        self._receive = receive
        self._limit = limit
        self._memory = memory
        self._bytes = 0
        self._taken = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit:
            raise too_large(self._limit)
        if self._bytes > SMALL:
            self._memory.take(self._bytes - self._taken)
            self._taken = self._bytes
        return message

    def release(self) -> None:
        """Gives back what the body took."""
        self._memory.give_back(self._taken)


def too_large(limit: int) -> Refused:
    return Refused("body_too_large", f"the body is larger than {limit} bytes; send it in several requests")


def content_length(headers: Headers) -> int | None:
    """The announced length of the body in bytes, None when none is announced."""
    value = headers.get(b"content-length")
    return int(value) if value is not None and value.isdigit() else None
