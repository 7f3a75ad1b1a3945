"""500 hostile clients at once, in a process of their own: `python hostile_clients.py PORT SECONDS`."""

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

N_CLIENTS = 500


def post(path: str, body: bytes) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def endless_trailers() -> Iterator[bytes]:
    yield b"POST /v1/events HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    for _ in range(1_000):
        yield 500 * b"X-Trailer: x\r\n"


def endless_headers() -> Iterator[bytes]:
    yield b"GET /livez HTTP/1.1\r\n"
    for _ in range(1_000):
        yield b"X-Long: " + 4_000 * b"x"


def a_byte_at_a_time() -> Iterator[bytes]:
    for byte in 1_000 * b"GET /v1/users/u":
        yield bytes([byte])


def large_batches() -> Iterator[bytes]:
    asks = [{"user_id": f"user-{n:03}", "k": 100, "explain": True} for n in range(256)]
    yield from 3 * [post("/v1/recommendations:batch", json.dumps(asks).encode())]


def sessions_of_strangers() -> Iterator[bytes]:
    for _ in range(100):
        session = [f"item-{random.random()}" for _ in range(200)]
        yield post("/v1/recommendations", json.dumps({"session": session, "k": 100}).encode())


def misspelt_filters() -> Iterator[bytes]:
    where = {"or": [{f"grms{n}": {"gte": n}} for n in range(100)]}
    yield from 100 * [post("/v1/recommendations", json.dumps({"user_id": "u", "where": where}).encode())]


def wrong_events() -> Iterator[bytes]:
    yield from 20 * [post("/v1/events", b"[" + b",".join(2_000 * [b'{"user_id": ""}']) + b"]")]


def many_at_once() -> Iterator[bytes]:
    yield 5_000 * b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n"


def long_rules() -> Iterator[bytes]:
    text = ".".join(16_000 * ["a"]) + " = 1"
    yield from 20 * [post("/v1/rules:try", json.dumps({"ask": {"user_id": "u"}, "toml": text}).encode())]


ATTACKS: tuple[Callable[[], Iterator[bytes]], ...] = (
    endless_trailers, endless_headers, a_byte_at_a_time, large_batches, sessions_of_strangers, misspelt_filters,
    wrong_events, many_at_once, long_rules,
)  # fmt: skip


async def attack(port: int, number: int) -> None:
    """One client: it sends, and of two clients one never reads; again and again."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                for words in ATTACKS[number % len(ATTACKS)]():
                    writer.write(words)
                    await writer.drain()
                    await asyncio.sleep(0.02)
                if number % 2:
                    await asyncio.wait_for(reader.read(), 2)
                await asyncio.sleep(1)
            finally:
                writer.close()
        await asyncio.sleep(0.1)


async def attack_all(port: int, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(attack(port, number) for number in range(N_CLIENTS)), return_exceptions=False)


if __name__ == "__main__":
    os.nice(10)  # the machine is the service's: what is measured is what the clients do to it
    asyncio.run(attack_all(int(sys.argv[1]), float(sys.argv[2])))
