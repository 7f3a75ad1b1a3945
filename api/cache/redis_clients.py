"""Redis clients: one server, or a Redis Cluster by its nodes, without retries and timeouts of their own.

Timeouts of the library count time that the event loop spent on other tasks; `loop_timeout` of the caller does not.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, cast

import redis.asyncio as aioredis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ClusterError, ConnectionError, RedisClusterException, ResponseError

CLUSTER_SCHEMES = ("redis+cluster://", "rediss+cluster://")
DISCOVERY_S = 5.0  # longest discovery of the nodes, which goes on while requests no longer wait for it
DEFAULT_PORT = 6379

Pair = tuple[bytes, bytes]


class RedisClient(Protocol):
    """What a cache needs of a server or a cluster.  Every method raises RedisError or OSError when it is gone."""

    async def connect(self) -> None:
        """Returns when a connection stands; several calls in a row cost nothing."""

    async def get_all(self, names: list[bytes]) -> Sequence[object]:
        """The value of each name, None where there is none.  Raises ResponseError for a refusal."""

    async def set_all(self, pairs: Sequence[Pair], ttl_ms: int) -> None:
        """Stores them for that time.  Raises ResponseError where they are refused."""

    def names(self, pattern: bytes) -> AsyncIterator[bytes]:
        """The names that match."""

    async def delete_all(self, names: Sequence[bytes]) -> None:
        """Deletes them."""

    async def ping(self) -> None:
        """Returns when every server answers that values lie on."""

    async def aclose(self) -> None:
        """Ends connections."""


def open_client(url: str) -> RedisClient:
    """The client for that URL, not connected yet.  Raises ValueError for a URL of another form."""
    return ClusterClient(url) if url.startswith(CLUSTER_SCHEMES) else ServerClient(url)


class ServerClient:
    """One Redis, or anything that speaks its protocol."""

    def __init__(self, url: str) -> None:
        self._redis = aioredis.Redis.from_url(
            url,
            socket_connect_timeout=None,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,  # saves a round trip on every connection
        )

    async def connect(self) -> None:
        pool = self._redis.connection_pool
        await pool.release(await pool.get_connection())  # type: ignore[no-untyped-call]

    async def get_all(self, names: list[bytes]) -> Sequence[object]:
        return cast(Sequence[object], await self._redis.mget(names))

    async def set_all(self, pairs: Sequence[Pair], ttl_ms: int) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for name, value in pairs:
                pipe.set(name, value, px=ttl_ms)
            await pipe.execute()

    def names(self, pattern: bytes) -> AsyncIterator[bytes]:
        return self._redis.scan_iter(pattern, count=1_000)

    async def delete_all(self, names: Sequence[bytes]) -> None:
        await self._redis.unlink(*names)

    async def ping(self) -> None:
        await cast("asyncio.Future[object]", self._redis.ping())

    async def aclose(self) -> None:
        await self._redis.aclose()


class ClusterClient:
    """A Redis Cluster as one Redis: while a part of the slots has no server, all of it counts as gone.

    The nodes are discovered again after every failure, so that a replica that took over is used.
    """

    def __init__(self, url: str) -> None:
        """url: redis+cluster://[USER:PASSWORD@]HOST:PORT,HOST:PORT,…  Raises ValueError."""
        scheme, _, rest = url.partition("://")
        login, _, hosts = rest.partition("/")[0].rpartition("@")
        username, _, password = login.partition(":") if ":" in login else ("", "", login)
        self._redis = RedisCluster(
            startup_nodes=[ClusterNode(*_address(host)) for host in hosts.split(",")],
            username=username or None,
            password=password or None,
            ssl=scheme.startswith("rediss"),
            socket_connect_timeout=None,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._discovery: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        if self._discovery is None or (self._discovery.done() and _failed(self._discovery)):
            self._discovery = asyncio.create_task(self._discover())
        await asyncio.shield(self._discovery)

    async def get_all(self, names: list[bytes]) -> Sequence[object]:
        replies = await self._execute([("GET", name) for name in names])
        return [None if isinstance(reply, ResponseError) else reply for reply in replies]

    async def set_all(self, pairs: Sequence[Pair], ttl_ms: int) -> None:
        replies = await self._execute([("SET", name, value, "PX", ttl_ms) for name, value in pairs])
        for refusal in (reply for reply in replies if isinstance(reply, ResponseError)):
            raise refusal

    def names(self, pattern: bytes) -> AsyncIterator[bytes]:
        return self._redis.scan_iter(pattern, count=1_000)

    async def delete_all(self, names: Sequence[bytes]) -> None:
        await self._execute([("UNLINK", name) for name in names])

    async def ping(self) -> None:
        await self.connect()
        try:
            await self._ping_all()
        except BaseException:
            self._discovery = None
            raise

    async def aclose(self) -> None:
        if self._discovery is not None:
            self._discovery.cancel()
            await asyncio.gather(self._discovery, return_exceptions=True)
        await self._redis.aclose()

    async def _discover(self) -> None:
        with _as_redis_errors():
            async with asyncio.timeout(DISCOVERY_S):
                await self._redis.aclose()
                await self._redis.initialize()
                await self._ping_all()

    async def _ping_all(self) -> None:
        """Raises ConnectionError where a server is gone, or a part of the slots is nobody's."""
        for reply in await asyncio.gather(
            *(node.execute_command("CLUSTER", "INFO") for node in self._redis.get_primaries())
        ):
            if b"cluster_state:ok" not in bytes(reply):
                raise ConnectionError("a part of the slots has no server")

    async def _execute(self, commands: Sequence[tuple[Any, ...]]) -> list[object]:
        """The replies, each of them a value or a refusal; a round trip to every node at once.

        Raises ConnectionError when one of the nodes is gone.
        """
        await self.connect()
        pipe = self._redis.pipeline()
        for command in commands:
            pipe.execute_command(*command)
        try:
            with _as_redis_errors():
                replies: list[object] = await pipe.execute(raise_on_error=False)
            for failure in (reply for reply in replies if _is_failure(reply)):
                raise ConnectionError(str(failure))
        except BaseException:
            self._discovery = None
            raise
        return replies


@contextmanager
def _as_redis_errors() -> Iterator[None]:
    """Errors of the cluster client as a whole are no RedisError: none of the nodes answers, or no node has the slot."""
    try:
        yield
    except RedisClusterException as error:
        raise ConnectionError(str(error)) from error


def _is_failure(reply: object) -> bool:
    """Whether the reply is no value and no refusal by a server that works."""
    return isinstance(reply, Exception) and (isinstance(reply, ClusterError) or not isinstance(reply, ResponseError))


def _failed(task: "asyncio.Task[None]") -> bool:
    with suppress(asyncio.CancelledError):
        return task.exception() is not None
    return True


def _address(text: str) -> tuple[str, int]:
    """Raises ValueError."""
    host, _, port = text.rpartition(":") if ":" in text else (text, "", str(DEFAULT_PORT))
    if not host or not port.isdigit():
        raise ValueError(f"{text!r} is no HOST:PORT; use redis+cluster://HOST:PORT,HOST:PORT")
    return host, int(port)
