"""A busy event loop, as in a worker that computes the answers of many others."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TURN_S = 0.03  # longer than the 20 ms that Redis has


@asynccontextmanager
async def busy_loop() -> AsyncIterator[None]:
    """Every turn of the loop takes TURN_S."""

    async def others() -> None:
        while True:
            time.sleep(TURN_S)
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    yield
    task.cancel()
