"""Polling goes on after a look that fails."""

import asyncio

from api.polling import Poller


def test_a_look_that_fails_is_not_the_last() -> None:
    looks: list[int] = []

    async def look() -> None:
        looks.append(len(looks))
        if len(looks) == 2:
            raise OSError("a moment of bad luck")

    async def story() -> None:
        watch = Poller("something", look, 0.001)
        watch.start(at_once=True)
        while len(looks) < 4:
            await asyncio.sleep(0.001)
        await watch.close()
        seen = len(looks)
        await asyncio.sleep(0.01)
        assert len(looks) == seen

    asyncio.run(asyncio.wait_for(story(), 10))
