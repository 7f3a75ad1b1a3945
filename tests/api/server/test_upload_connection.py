"""HTTP protocol of the console: large bodies that go on arriving, and those that stand still."""

import asyncio

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api.server.http_protocol import HttpConnection
from api.server.unsent_answers import UnsentAnswers
from api.server.upload_connection import SLOWEST, UploadConnection

POST = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 100000\r\n\r\n"


class SentBytes(asyncio.Transport):
    """The other end of a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.content += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write_eof(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("connection", "n_bytes", "is_cut"),
    [(UploadConnection, SLOWEST, False), (UploadConnection, SLOWEST - 1, True), (HttpConnection, SLOWEST, True)],
)
def test_a_body_has_its_time_while_it_goes_on_arriving(
    connection: type[HttpConnection], n_bytes: int, is_cut: bool
) -> None:
    assert asyncio.run(heard_after(connection, b"x" * n_bytes)).startswith(b"HTTP/1.1 408") == is_cut


async def heard_after(kind: type[HttpConnection], piece: bytes) -> bytes:
    """What a client hears whose body has grown by that piece from one look at what arrives to the next."""

    async def read(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    config, sent = uvicorn.Config(read, ws="none", log_config=None), SentBytes()
    config.load()
    connected = kind(
        config=config,
        server_state=ServerState(),
        app_state={},
        arrival_s=3_600.0,
        drain_s=0.1,
        unsent=UnsentAnswers(2**20),
    )
    connected.connection_made(sent)
    connected.data_received(POST)
    connected._watch()
    connected.data_received(piece)
    connected._watch()
    heard = sent.content
    connected.connection_lost(None)
    await asyncio.sleep(0)
    return heard
