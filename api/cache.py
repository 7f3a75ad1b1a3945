"""Answers given before: in the process, and in Redis for all workers.  Right by key; it may fail, it never errs."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple, Protocol, cast

import orjson
import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from api.breaker import Breaker
from api.settings import ServeSettings

REDIS_FAILURES = (RedisError, OSError, TimeoutError)
_PREFIX = b"recsys:answer:1:"
_SEAL_BYTES = 16
_ENTRY_BYTES = 512  # what the key and the table take beside the answer
_MAX_WRITES = 64


class Key(NamedTuple):
    """All an answer depends on.

    state: bundle, settings and catalogue.  moment: start of the span in which no date changes anything, Unix ms.
    head: seq of the customer's last event.  question: the arguments, written in one way only.
    """

    state: str
    moment: int
    user_id: str | None
    head: int
    question: str


class Cache(Protocol):
    """Keeps answers, or forgets them.  Never raises; a value that is not whole or not of that key is a miss."""

    async def get(self, key: Key) -> bytes | None:
        """The answer put under exactly that key, if it is still there."""

    async def put(self, key: Key, answer: bytes) -> None:
        """Keeps it for a while."""

    async def close(self) -> None:
        """Ends connections; later calls miss."""


class MemoryCache:
    """The newest answers of this process, within so many bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[Key, bytes] = OrderedDict()

    def find(self, key: Key) -> bytes | None:
        """What `get` gives, without an event loop."""
        found = self._answers.get(key)
        if found is not None:
            self._answers.move_to_end(key)
        return found

    def keep(self, key: Key, answer: bytes) -> None:
        """What `put` does, without an event loop."""
        before = self._answers.pop(key, None)
        if before is not None:
            self._bytes -= len(before) + _ENTRY_BYTES
        self._answers[key] = answer
        self._bytes += len(answer) + _ENTRY_BYTES
        while self._bytes > self._max_bytes:
            _, dropped = self._answers.popitem(last=False)
            self._bytes -= len(dropped) + _ENTRY_BYTES

    async def get(self, key: Key) -> bytes | None:
        return self.find(key)

    async def put(self, key: Key, answer: bytes) -> None:
        self.keep(key, answer)

    async def close(self) -> None:
        self._answers.clear()
        self._bytes = 0


class RedisCache:
    """Answers for all workers.  A Redis that is slow, hung, refusing or gone costs one short wait, then none."""

    def __init__(self, url: str, settings: ServeSettings, *, on_failure: Callable[[], None] = lambda: None) -> None:
        connect_s, read_s = settings.redis_connect_ms / 1_000, settings.redis_read_ms / 1_000
        self._ttl_ms = settings.answer_ttl_s * 1_000
        self._wait_s = max(connect_s, read_s)  # for connecting, greeting and reading together
        self._redis = aioredis.Redis.from_url(
            url,
            socket_connect_timeout=connect_s,
            socket_timeout=read_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,  # saves a round trip on every connection
        )
        self._writes: set[asyncio.Task[None]] = set()
        self.breaker = Breaker(
            "redis", self._ping, failures=REDIS_FAILURES, every_s=settings.probe_every_s, on_open=on_failure
        )

    async def get(self, key: Key) -> bytes | None:
        if not self.breaker.is_closed:
            return None
        name = _name(key)
        try:
            async with asyncio.timeout(self._wait_s):
                value = await self._redis.get(_PREFIX + _digest(name))
        except ResponseError:
            return None  # it is well, but somebody put another type of value there
        except REDIS_FAILURES as error:
            self.breaker.open(error)
            return None
        return _unsealed(name, value)

    async def put(self, key: Key, answer: bytes) -> None:
        """Returns at once; it is written in the background."""
        if not self.breaker.is_closed or len(self._writes) >= _MAX_WRITES:
            return
        task = asyncio.create_task(self._write(_name(key), answer))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def settle(self) -> None:
        """Waits for the writes under way."""
        await asyncio.gather(*self._writes)

    async def close(self) -> None:
        await self.settle()
        await self.breaker.close()
        self.breaker.is_closed = False
        with suppress(*REDIS_FAILURES):
            await self._redis.aclose()

    async def _write(self, name: bytes, answer: bytes) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._redis.set(_PREFIX + _digest(name), _seal(name, answer) + answer, px=self._ttl_ms)
        except REDIS_FAILURES as error:
            self.breaker.open(error)

    async def _ping(self) -> None:
        async with asyncio.timeout(self._wait_s):
            await cast("asyncio.Future[object]", self._redis.ping())


def _name(key: Key) -> bytes:
    return orjson.dumps(tuple(key))


def _digest(name: bytes) -> bytes:
    return blake2b(name, digest_size=_SEAL_BYTES).hexdigest().encode()


def _seal(name: bytes, answer: bytes) -> bytes:
    """Names the owner (the whole key, customer included) and every byte of the answer."""
    return blake2b(answer, digest_size=_SEAL_BYTES, key=blake2b(name, digest_size=32).digest()).digest()


def _unsealed(name: bytes, value: object) -> bytes | None:
    if not isinstance(value, bytes) or len(value) < _SEAL_BYTES:
        return None
    answer = value[_SEAL_BYTES:]
    return answer if value[:_SEAL_BYTES] == _seal(name, answer) else None
