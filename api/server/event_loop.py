"""Event loop of a worker: uvloop that accepts more than one new connection a turn when turns are long."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, cast

import uvloop

_LONG_S = 0.005  # of a turn; with shorter turns two hundred connections a second are accepted anyhow
_PER_CONNECTION_S = 0.001  # an idle loop accepts a connection in less
_MAX_ACCEPTED = 1_000


class AcceptingLoop(uvloop.Loop):
    """uvloop accepts one new connection from each listening socket a turn.

    While turns last a quarter of a second, that is four clients a second.  All others wait outside during the whole
    peak, however quickly the accepted ones are answered.  This loop accepts as many after a long turn as short turns
    would have accepted in the same time.  After a short turn it accepts one, so that several workers share new
    connections.  Plain TCP only: TLS belongs to the proxy in front.
    """

    async def create_server(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], *args: Any, **more: Any
    ) -> asyncio.Server:
        """The same as in any event loop."""
        listeners: list[_Listener] = []

        def accepted() -> asyncio.BaseProtocol:
            for listener in listeners:
                listener.accepted()
            return protocol_factory()

        server = cast(asyncio.Server, await super().create_server(accepted, *args, **more))
        listeners += [_Listener(self, server, listening.fileno(), protocol_factory) for listening in server.sockets]
        return server


class _Listener:
    """One listening socket of a server, by its file descriptor."""

    def __init__(
        self, loop: uvloop.Loop, server: asyncio.Server, fd: int, protocol_factory: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self._loop = loop
        self._server = server
        self._fd = fd
        self._protocol_factory = protocol_factory
        self._is_measuring = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def accepted(self) -> None:
        """A connection was accepted, so more may wait: measures the next turn."""
        if not self._is_measuring:
            self._is_measuring = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._loop.call_soon(self._end, time.perf_counter())

    def _end(self, began: float) -> None:
        self._is_measuring = False
        lasted_s = time.perf_counter() - began
        if lasted_s < _LONG_S or not self._server.is_serving():
            return
        listening = socket.socket(fileno=self._fd)
        try:
            for _ in range(min(_MAX_ACCEPTED, int(lasted_s / _PER_CONNECTION_S))):
                self._accept(listening.accept()[0])
        except OSError:  # no connection waits, or no file can be opened: those that wait go on waiting
            pass
        finally:
            listening.detach()

    def _accept(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol_factory, connection))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # of a client that disconnected meanwhile
