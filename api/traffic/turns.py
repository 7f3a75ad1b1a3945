"""Turns: requests wait for a slot, and leave the queue when their client disconnects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive


@asynccontextmanager
async def turn(slots: asyncio.Semaphore, receive: Receive) -> AsyncIterator[None]:
    """Holds one of the slots.  receive: of a request whose body was read, or is of no use.

    Raises ClientDisconnect if the client leaves.

    Clients that connect again and again would otherwise fill the queue with requests that nobody waits for.
    """
    if slots.locked():
        await _wait(slots, receive)
    else:
        await slots.acquire()
    try:
        yield
    finally:
        slots.release()


async def _wait(slots: asyncio.Semaphore, receive: Receive) -> None:
    """Takes a slot.  After the body a client sends nothing but the end of its connection."""
    slot, end = asyncio.ensure_future(slots.acquire()), asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait((slot, end), return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            raise ClientDisconnect
    except BaseException:
        if not slot.cancel():
            slots.release()
        raise
    finally:
        end.cancel()


async def _disconnect(receive: Receive) -> None:
    """Returns when the client has left.  Of a GET the body, which is empty, is still to come."""
    while (await receive())["type"] != "http.disconnect":
        pass
