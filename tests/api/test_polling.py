"""Polling goes on after a failed call."""

import asyncio

from api.polling import Poller


def test_a_failed_call_is_not_the_last() -> None:
    calls: list[int] = []

    async def poll() -> None:
        calls.append(len(calls))
        if len(calls) == 2:
            raise OSError("a moment of bad luck")

    async def story() -> None:
        watch = Poller("something", poll, 0.001)
        watch.start(at_once=True)
        while len(calls) < 4:
            await asyncio.sleep(0.001)
        await watch.close()
        seen = len(calls)
        await asyncio.sleep(0.01)
        assert len(calls) == seen

    asyncio.run(asyncio.wait_for(story(), 10))
