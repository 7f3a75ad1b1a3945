"""Event loop that accepts many connections: after a long turn all clients that wait come in, not one a turn."""

import asyncio
import socket
import time
from contextlib import ExitStack
from typing import cast

import pytest

from api.server.event_loop import AcceptingLoop


class Counted(asyncio.Protocol):
    """Connections that came in."""

    def __init__(self, made: list[asyncio.WriteTransport]) -> None:
        self._made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._made.append(cast(asyncio.WriteTransport, transport))


async def let_in(n_waiting: int, n_turns: int, turn_s: float, n_before_close: int) -> tuple[int, int]:
    """Number of clients accepted during long turns, and number answered; the server closes in between."""
    loop, made = asyncio.get_running_loop(), list[asyncio.WriteTransport]()
    server = await loop.create_server(lambda: Counted(made), "127.0.0.1", 0, backlog=300)
    at = server.sockets[0].getsockname()
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(at)) for _ in range(n_waiting)]
        for turn in range(n_turns):
            if turn == n_before_close:
                server.close()
            time.sleep(turn_s)  # a turn full of answers
            await asyncio.sleep(0)
        for transport in made:
            transport.write(b"welcome")
        await asyncio.sleep(0.05)
        n_answered = sum(is_answered(client) for client in clients)
        server.close()
        for transport in made:
            transport.close()
        await asyncio.sleep(0.05)
    return len(made), n_answered


def is_answered(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(64) == b"welcome"
    except OSError:  # nothing yet, or reset with the server
        return False


def run(n_waiting: int, n_turns: int, turn_s: float, *, n_before_close: int = 1_000) -> tuple[int, int]:
    with asyncio.Runner(loop_factory=AcceptingLoop) as runner:
        return runner.run(let_in(n_waiting, n_turns, turn_s, n_before_close))


@pytest.mark.parametrize(("turn_s", "n_turns"), [(0.06, 12), (0.02, 25)])
def test_all_clients_that_wait_come_in_within_some_long_turns(turn_s: float, n_turns: int) -> None:
    assert run(80, n_turns, turn_s) == (80, 80)


def test_a_closed_server_accepts_no_client() -> None:
    n_in, n_answered = run(200, 8, 0.06, n_before_close=0)
    assert n_in == n_answered <= 2
