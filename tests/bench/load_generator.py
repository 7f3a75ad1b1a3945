"""Questions that come when they come, over whichever connection is free; a wait counts from the moment it was due."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import cast

from tests.bench.client import length_of


class Line(asyncio.Protocol):
    """One connection, keep-alive, one question at a time."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._left = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, question: bytes, due: float) -> None:
        self._due = due
        self._transport.write(question)

    def data_received(self, data: bytes) -> None:
        self._left += data
        head, found, body = self._left.partition(b"\r\n\r\n")
        if found and len(body) >= length_of(head):
            self._left = b""
            self._crowd.answered(self, self._due, int(head[9:12]), body)

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.lost(error)

    def close(self) -> None:
        self._transport.close()


class Crowd:
    """Asks at the moments given; a question waits while no connection is free.  Belongs to one event loop."""

    def __init__(self, asked: Iterator[bytes]) -> None:
        self._asked = asked
        self.loop = asyncio.get_running_loop()
        self._free: deque[Line] = deque()
        self._waiting: deque[float] = deque()

    async def connect(self, port: int, n: int) -> list[Line]:
        """So many connections, free from now on."""
        made = [(await self.loop.create_connection(lambda: Line(self), "127.0.0.1", port))[1] for _ in range(n)]
        self._free.extend(made)
        return made

    def come(self, due: float) -> None:
        """A question that was due at that moment of the loop."""
        if self._free:
            self._free.popleft().ask(next(self._asked), due)
        else:
            self._waiting.append(due)

    def answered(self, line: Line, due: float, status: int, body: bytes) -> None:
        self.heard(self.loop.time() - due, due, status, body)
        if self._waiting:
            line.ask(next(self._asked), self._waiting.popleft())
        else:
            self._free.append(line)

    def heard(self, took: float, due: float, status: int, body: bytes) -> None:
        """An answer, so many seconds after its question was due."""
        raise NotImplementedError

    def lost(self, error: Exception | None) -> None:
        """A connection ended."""
        raise NotImplementedError
