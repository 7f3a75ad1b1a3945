"""Turns: a request waits for a slot while its client is there, and no slot is lost."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from api.traffic.turns import turn


class Client:
    """A client of a GET: nobody has read its empty body, and after that comes the end of its connection."""

    def __init__(self) -> None:
        self.leaves = asyncio.Event()
        self.messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop()
        await self.leaves.wait()
        return {"type": "http.disconnect"}


async def work(slots: asyncio.Semaphore, client: Client, ends: asyncio.Event, served: list[Client]) -> None:
    async with turn(slots, client.receive):
        served.append(client)
        await ends.wait()


async def outcomes(leaving: Sequence[int], cancelled: Sequence[int] = ()) -> tuple[list[int], list[object], bool]:
    """Who of six clients was served on one slot, how each request ended, and whether the slot is free at the end."""
    slots, ends, served = asyncio.Semaphore(1), asyncio.Event(), list[Client]()
    clients = [Client() for _ in range(6)]
    tasks = [asyncio.create_task(work(slots, client, ends, served)) for client in clients]
    await asyncio.sleep(0.001)
    for number in leaving:
        clients[number].leaves.set()
    for number in cancelled:
        tasks[number].cancel()
    await asyncio.sleep(0.001)
    ends.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    return [clients.index(client) for client in served], [type(end) for end in ended], not slots.locked()


def test_clients_that_stay_are_served_in_the_order_of_their_requests() -> None:
    assert asyncio.run(outcomes(())) == ([0, 1, 2, 3, 4, 5], 6 * [type(None)], True)


def test_a_client_that_leaves_the_queue_is_not_served_and_costs_no_slot() -> None:
    served, ended, is_free = asyncio.run(outcomes((1, 3, 4, 5)))
    assert (served, is_free) == ([0, 2], True)
    assert [end is ClientDisconnect for end in ended] == [False, True, False, True, True, True]


def test_a_client_that_leaves_while_it_is_served_keeps_its_slot_to_the_end_of_the_work() -> None:
    assert asyncio.run(outcomes((0,)))[0] == [0, 1, 2, 3, 4, 5]


def test_the_work_for_a_client_that_leaves_ends_at_its_next_look() -> None:
    async def work_until_gone() -> None:
        client = Client()
        async with turn(asyncio.Semaphore(1), client.receive) as waiting:
            await asyncio.sleep(0)
            waiting.check()
            client.leaves.set()
            while True:
                await asyncio.sleep(0)
                waiting.check()

    with pytest.raises(ClientDisconnect):
        asyncio.run(asyncio.wait_for(work_until_gone(), 5))


@pytest.mark.parametrize("number", [0, 1, 5])
def test_a_cancelled_request_costs_no_slot(number: int) -> None:
    served, ended, is_free = asyncio.run(outcomes((), (number,)))
    assert ended[number] is asyncio.CancelledError
    assert is_free
    assert {*served} >= {0, 1, 2, 3, 4, 5} - {number}
