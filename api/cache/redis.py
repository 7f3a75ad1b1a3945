"""Redis cache: payloads of earlier answers for all workers.  It may fail, it never gives a wrong answer.

Only a worker that has a Redis imports this module: the library takes a tenth of its start.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple

import orjson
import structlog
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from api.cache.memory import CacheKey
from api.cache.redis_clients import open_client
from api.settings import ServeSettings
from api.traffic.circuit_breaker import CircuitBreaker
from api.traffic.timeout import loop_timeout

log = structlog.get_logger()
REDIS_FAILURES = (RedisError, OSError, TimeoutError)
_PREFIX = b"recsys:answer:2:"
_SEAL_BYTES = 16
_KEY_BYTES = 32
_MAX_WRITES = 64
_CLEAR_S = 5.0
MAX_FAILURES = 2  # slow replies in a row that open the breaker: two of 20 ms are still below what a failure may cost


class RedisName(NamedTuple):
    """Where the payload of a key lies in Redis, and the key of its seal.  Both depend on the whole key."""

    place: bytes
    seal_key: bytes

    @classmethod
    def build(cls, key: CacheKey) -> "RedisName":
        digest = blake2b(orjson.dumps(tuple(key)), digest_size=_SEAL_BYTES + _KEY_BYTES).digest()
        return cls(_PREFIX + digest[:_SEAL_BYTES].hex().encode(), digest[_SEAL_BYTES:])

    def seal(self, payload: bytes) -> bytes:
        """A digest of the whole key, which includes the user, and of every byte of the payload."""
        return blake2b(payload, digest_size=_SEAL_BYTES, key=self.seal_key).digest()

    def unsealed(self, value: object) -> bytes | None:
        """The payload of a value; None for a damaged one, and for that of another key."""
        if not isinstance(value, bytes) or len(value) < _SEAL_BYTES:
            return None
        payload = value[_SEAL_BYTES:]
        return payload if value[:_SEAL_BYTES] == self.seal(payload) else None


class RedisReply(NamedTuple):
    """One key to read from Redis, and what is called with its payload, once."""

    name: RedisName
    then: Callable[[bytes | None], None]


class RedisCache:
    """Payloads for all workers.  A Redis that is slow, hung, refusing or gone costs one short wait, then none.

    Keys that come while a reply of Redis is in progress are read together: one round trip for many.
    """

    def __init__(
        self,
        url: str,
        settings: ServeSettings,
        *,
        on_failure: Callable[[], None] = lambda: None,
        on_back: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect_s, self._read_s = settings.redis_connect_ms / 1_000, settings.redis_read_ms / 1_000
        self._ttl_ms = settings.answer_ttl_s * 1_000
        self._reader, self._writer = open_client(url), open_client(url)  # a read never waits behind a write
        self._is_connected = False
        self._waiting: list[RedisReply] = []
        self._unwritten: list[tuple[RedisName, bytes]] = []
        self._every_s = settings.probe_every_s
        self._write_from = 0.0  # loop time before which nothing is written: Redis refuses writes, but can be read
        self._refusal: str | None = None  # the error of its last write
        self._reading: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self.breaker = CircuitBreaker(
            "redis",
            self._ping,
            failures=REDIS_FAILURES,
            every_s=settings.probe_every_s,
            max_failures=MAX_FAILURES,
            on_open=on_failure,
            on_back=on_back,
        )

    async def get(self, key: CacheKey) -> bytes | None:
        payload: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

        def resolve(value: bytes | None) -> None:
            if not payload.done():  # the client who waited for it may have disconnected
                payload.set_result(value)

        return await payload if self.read(key, resolve) else None

    def read(self, key: CacheKey, then: Callable[[bytes | None], None]) -> bool:
        """See `SharedCache`."""
        if not self.breaker.is_closed:
            return False
        self._waiting.append(RedisReply(RedisName.build(key), then))
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_all())
        return True

    async def put(self, key: CacheKey, payload: bytes) -> None:
        """Returns at once; the payload is written in the background."""
        if not self.breaker.is_closed or len(self._unwritten) >= _MAX_WRITES:
            return
        if asyncio.get_running_loop().time() < self._write_from:
            return
        self._unwritten.append((RedisName.build(key), payload))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def clear(self) -> bool:
        """Deletes all payloads: their keys do not show whose they are.  False when Redis does not do it in time.

        Then each expires after `answer_ttl_s`; no request reads one that is no longer right.
        """
        try:
            async with asyncio.timeout(_CLEAR_S):
                await self.settle()
                names = [name async for name in self._writer.names(_PREFIX + b"*")]
                for start in range(0, len(names), 1_000):
                    await self._writer.delete_all(names[start : start + 1_000])
        except REDIS_FAILURES:
            return False
        return True

    async def settle(self) -> None:
        """Waits for the writes in progress."""
        if self._writing is not None:
            await asyncio.gather(self._writing)

    async def close(self) -> None:
        await self.settle()
        await self.breaker.close()
        self.breaker.is_closed = False
        for client in (self._reader, self._writer):
            with suppress(*REDIS_FAILURES):
                await client.aclose()

    async def _read_all(self) -> None:
        """Resolves all replies that wait, also those that come meanwhile; with None as soon as Redis is down."""
        batch: list[RedisReply] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                values = await self._read([reply.name.place for reply in batch])
                pairs, batch = list(zip(batch, values, strict=True)), []
                for reply, value in pairs:
                    reply.then(reply.name.unsealed(value))
        finally:  # whatever went wrong: no request waits for ever
            for reply in (*batch, *self._waiting):
                reply.then(None)
            self._waiting.clear()

    async def _read(self, names: list[bytes]) -> Sequence[object]:
        nothing = [None] * len(names)
        if not self.breaker.is_closed:
            return nothing
        try:
            await self._connect()
            async with loop_timeout(self._read_s):
                values = await self._reader.get_all(names)
        except ResponseError:
            return nothing  # it is up, but refuses to reply
        except REDIS_FAILURES as error:
            self._is_connected = False
            self._failed(error)
            return nothing
        self.breaker.success()
        return values

    async def _connect(self) -> None:
        """Connecting may take longer than a reply."""
        if not self._is_connected:
            async with loop_timeout(self._connect_s):
                await self._reader.connect()
            self._is_connected = True

    async def _write_all(self) -> None:
        while self._unwritten:
            batch, self._unwritten = self._unwritten, []
            if not self.breaker.is_closed:
                return
            try:
                async with loop_timeout(max(self._connect_s, self._read_s)):
                    await self._write(batch)
            except ResponseError as error:  # full, or read-only
                self._log_refusal(_cause(error))
                self._write_from = asyncio.get_running_loop().time() + self._every_s
                self._unwritten.clear()
            except REDIS_FAILURES as error:
                self._failed(error)
            else:
                self._log_refusal(None)

    def _log_refusal(self, refusal: str | None) -> None:
        """Logs when refused writes begin and when they end."""
        if refusal is not None and self._refusal is None:
            log.warning("redis_takes_nothing", detail=refusal)
        if refusal is None and self._refusal is not None:
            log.warning("redis_takes_again")
        self._refusal = refusal

    async def _write(self, batch: Sequence[tuple[RedisName, bytes]]) -> None:
        pairs = [(name.place, name.seal(payload) + payload) for name, payload in batch]
        await self._writer.set_all(pairs, self._ttl_ms)

    def _failed(self, error: BaseException) -> None:
        """One slow reply may be an accident; a refused or lost connection is not."""
        if isinstance(error, TimeoutError | RedisTimeout):
            self.breaker.failure(error)
        else:
            self.breaker.trip(error)

    async def _ping(self) -> None:
        async with loop_timeout(max(self._connect_s, self._read_s)):
            await self._writer.ping()


def _cause(error: ResponseError) -> str:
    """The error of Redis.  The library puts the command before it, and with it a user's payload."""
    return str(error).rpartition("caused error: ")[2][:200]
