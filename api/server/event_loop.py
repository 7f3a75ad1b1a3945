"""The event loop of a worker: uvloop, which lets in more than one new connection a turn when turns are long."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, cast

import uvloop

_LONG_S = 0.005  # of a turn; below it, two hundred a second and more come in anyhow
_PER_CONNECTION_S = 0.001  # a loop with nothing else to do lets one in within less
_MOST = 1_000


class AcceptingLoop(uvloop.Loop):
    """uvloop takes one new connection from each listening socket a turn.

    While turns last a quarter of a second, that is four customers a second, and the others wait outside for as long as
    the rush lasts, however quickly those inside are answered.  Here as many follow as the turn would have let in had it
    been short.  In turns that are not long it stays at one, so that several workers share what comes.
    Plain TCP only: TLS is for the proxy in front.
    """

    async def create_server(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], *args: Any, **more: Any
    ) -> asyncio.Server:
        """As any loop does."""
        doors: list[_Door] = []

        def let_in() -> asyncio.BaseProtocol:
            for door in doors:
                door.opened()
            return protocol_factory()

        server = cast(asyncio.Server, await super().create_server(let_in, *args, **more))
        doors += [_Door(self, server, listening.fileno(), protocol_factory) for listening in server.sockets]
        return server


class _Door:
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

    def opened(self) -> None:
        """A connection was let in: there may be more of them.  Sees how long the next turn takes."""
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
            for _ in range(min(_MOST, int(lasted_s / _PER_CONNECTION_S))):
                self._let_in(listening.accept()[0])
        except OSError:  # nobody is waiting, or no file can be opened: those who wait go on waiting
            pass
        finally:
            listening.detach()

    def _let_in(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol_factory, connection))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever hung up while coming in
