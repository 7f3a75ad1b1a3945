"""A TCP proxy between a service and its server, with every fault that a network can have."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Fault = Literal["none", "stopped", "hung", "slow", "cut", "noise"]
SLOW_S = 0.3


class Wire:
    """Passes bytes to a port of the loopback and back, with the fault that is set."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.fault: Fault = "none"
        self.port = 0
        self._is_up = threading.Event()
        self._ends = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def set(self, fault: Fault) -> None:
        """Sets the fault, for open connections too."""
        self.fault = fault
        if fault in {"stopped", "none"}:  # a server that died, or one that came back
            self._loop.call_soon_threadsafe(self._cut_all)

    def open(self) -> None:
        self._thread.start()
        assert self._is_up.wait(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ends.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        await self._ends.wait()
        server.close()
        self._cut_all()

    def _cut_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault == "stopped":
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        self._writers |= {writer, there_writer}
        with suppress(OSError):
            await asyncio.gather(self._there(reader, there_writer), self._back(there_reader, writer))

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65_536):
            if self.fault != "hung":
                writer.write(part)
        writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65_536):
            fault = self.fault
            if fault == "slow":
                await asyncio.sleep(SLOW_S)
            if fault == "cut":
                writer.write(part[: len(part) // 2])
                await writer.drain()
                writer.transport.abort()
                return
            if fault != "hung":
                writer.write(b"\x00nonsense\r\n" if fault == "noise" else part)
        writer.close()


@contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    wire.open()
    try:
        yield wire
    finally:
        wire.close()
