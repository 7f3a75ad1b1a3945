"""Turns: requests wait for a slot, and leave the queue, or end their work, when their client disconnects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive


class WaitingClient:
    """Whether the client of a turn is still there, for any thread that works for it."""

    is_gone = False

    def check(self) -> None:
        """Raises ClientDisconnect once the client is gone: nobody would read the answer."""
        if self.is_gone:
            raise ClientDisconnect


@asynccontextmanager
async def turn(slots: asyncio.Semaphore, receive: Receive) -> AsyncIterator[WaitingClient]:
    """Holds one of the slots.  receive: of a request whose body was read, or is of no use.

    Raises ClientDisconnect if the client leaves before its turn; after that `check` does.

    Clients that connect again and again would otherwise fill the queue with requests that nobody waits for.
    """
    client = WaitingClient()
    end = asyncio.ensure_future(_watch(receive, client))
    try:
        if slots.locked():
            await _wait(slots, end)
        else:
            await slots.acquire()
        try:
            yield client
        finally:
            slots.release()
    finally:
        end.cancel()


async def _wait(slots: asyncio.Semaphore, end: asyncio.Future[None]) -> None:
    """Takes a slot, unless the client leaves before."""
    slot = asyncio.ensure_future(slots.acquire())
    try:
        await asyncio.wait((slot, end), return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            raise ClientDisconnect
    except BaseException:
        if not slot.cancel():
            slots.release()
        raise


async def _watch(receive: Receive, client: WaitingClient) -> None:
    """Returns when the client has left: after the body, of a GET an empty one, it sends nothing but its end."""
    while (await receive())["type"] != "http.disconnect":
        pass
    client.is_gone = True
