"""Timeout that counts turns of the event loop: time in which the loop could not hear an answer does not count."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STEPS = 5


@asynccontextmanager
async def loop_timeout(wait_s: float, steps: int = STEPS) -> AsyncIterator[None]:
    """Raises TimeoutError in the task when its wait took longer.

    The time passes in steps, and each step is a turn of the loop that also looks for what arrived.  On a free loop all
    steps take `wait_s`.  On a busy loop a turn takes longer than a step, and counts as one: an answer that lies in the
    socket while others are being computed is not late.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle
    async with asyncio.timeout(None) as limit:

        def step(left: int) -> None:
            nonlocal timer
            if left:
                timer = loop.call_later(wait_s / steps, step, left - 1)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_later(wait_s / steps, step, steps - 1)
        try:
            yield
        finally:
            timer.cancel()
