"""Unsent answers: the write buffers of clients that do not read, bounded for the whole worker and in time."""

import asyncio

import structlog

log = structlog.get_logger()

LEAST = 65_536  # bytes that a client reads within the time limit, or is closed


class UnsentAnswers:
    """The connections that hold more of an answer than their client takes, the one that waits longest first.

    An answer lies in memory until its client has read it, and a client need not read.  max_bytes: above it the
    connections that wait longest are closed.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._waiting: dict[asyncio.Transport, tuple[int, asyncio.TimerHandle]] = {}

    def add(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
        """A connection whose buffer is full.  timeout_s: within that its client reads LEAST bytes, or all."""
        size = transport.get_write_buffer_size()
        self._waiting[transport] = size, loop.call_later(timeout_s, self._check, transport, loop, timeout_s)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._end(next(iter(self._waiting)))

    def remove(self, transport: asyncio.Transport) -> None:
        """A connection whose buffer is empty enough, or that is lost."""
        size, timer = self._waiting.pop(transport, (0, None))
        self._bytes -= size
        if timer is not None:
            timer.cancel()

    def _check(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
        before, size = self._waiting[transport][0], transport.get_write_buffer_size()
        if size > before - LEAST:
            self._end(transport)
            return
        self._waiting[transport] = size, loop.call_later(timeout_s, self._check, transport, loop, timeout_s)
        self._bytes += size - before

    def _end(self, transport: asyncio.Transport) -> None:
        self.remove(transport)
        transport.abort()
        log.warning("answer_not_read")
