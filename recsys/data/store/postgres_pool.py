"""Connection pool for PostgreSQL with time limits: a hung server fails soon, and one that is back is used again."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, LifoQueue
from threading import BoundedSemaphore
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg import conninfo
from psycopg.abc import RV, PQGen

from recsys.errors import BadSettings, LogUnavailable
from recsys.redaction import redacted

CONNECT_S = 2  # the minimum of libpq
ALIVE_S = 1.0
GRACE_S = 0.5  # the time limit of the server comes first, because its error says more
_BEGIN = "SELECT set_config('statement_timeout', $1, true), set_config('search_path', 'recsys', true)"

PostgresConnection = psycopg.Connection[tuple[Any, ...]]


class _NoAnswer(psycopg.OperationalError):
    """The server did not answer in time."""


class _TimedConnection(PostgresConnection):
    """A connection with a time limit of its own: a server that is stopped or cut off reports no timeout."""

    timeout_s: float = CONNECT_S

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        return super().wait(_with_deadline(monotonic() + self.timeout_s, gen), interval)

    def begin(self, seconds: float) -> Self:
        """Opens a transaction with that time limit per statement, and checks that the connection is alive."""
        self.timeout_s = ALIVE_S
        self.execute(_BEGIN, (str(int(seconds * 1_000)),))
        self.timeout_s = seconds + GRACE_S
        return self


def _with_deadline(deadline: float, gen: PQGen[RV]) -> PQGen[RV]:
    """The generator of the driver, which raises _NoAnswer when nothing came before the deadline.

    There is one more look after it: when this process stood still, the answer is there already.
    """
    try:
        wanted, is_late = next(gen), False
        while True:
            ready = yield wanted
            if is_late and not ready:
                raise _NoAnswer("no answer in time")
            is_late = monotonic() > deadline
            wanted = gen.send(ready)
    except StopIteration as end:
        result: RV = end.value
        return result


class ConnectionPool:
    """Up to max_open connections to a server; another thread waits for a free one.  Any number of threads."""

    def __init__(self, url: str, *, max_open: int = 8) -> None:
        """Connects at the first use.  Raises BadSettings for a malformed URL."""
        try:
            conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise BadSettings(
                f"database_url: {redacted(str(error), url)}; use postgresql://user:password@host:port/database"
            ) from None
        self._url = url
        self._slots = BoundedSemaphore(max_open)
        self._idle: LifoQueue[_TimedConnection] = LifoQueue()
        self._is_open = True

    @contextmanager
    def transaction(self, *, seconds: float) -> Iterator[PostgresConnection]:
        """A connection in a transaction with that time limit per statement; commits at the end, rolls back on an error.

        A connection with an error is closed.  Raises LogUnavailable.
        """
        if not self._slots.acquire(timeout=seconds):
            raise LogUnavailable(f"PostgreSQL: no connection was free for {seconds:.1f} s; send again later")
        try:
            with self._borrow(seconds) as connection:
                yield connection
                connection.commit()
        except psycopg.Error as error:
            raise unavailable(error, self._url) from error
        finally:
            self._slots.release()

    def close(self) -> None:
        """Closes the connections; a busy one is closed after its work."""
        self._is_open = False
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    @contextmanager
    def _borrow(self, seconds: float) -> Iterator[_TimedConnection]:
        connection = self._alive(seconds)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)
        if not self._is_open:
            self.close()

    def _alive(self, seconds: float) -> _TimedConnection:
        """An idle connection that still answers, else a new one; closes those that the server has ended."""
        while self._is_open:
            connection = self._idle_or_new()
            try:
                return connection.begin(seconds)
            except _NoAnswer:
                connection.close()
                raise
            except psycopg.OperationalError:
                connection.close()
        raise LogUnavailable("PostgreSQL: the store was closed; open it again")

    def _idle_or_new(self) -> _TimedConnection:
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._connected()

    def _connected(self) -> _TimedConnection:
        """A new connection.  An error of the driver is not kept as the cause: it may quote parts of the password."""
        try:
            return _TimedConnection.connect(
                self._url,
                cursor_factory=psycopg.RawCursor,  # for the placeholders $1, which SQLite understands, too
                connect_timeout=CONNECT_S,
                application_name="recsys",
                client_encoding="utf8",
            )
        except psycopg.Error as error:
            raise unavailable(error, self._url) from None


def unavailable(error: psycopg.Error, url: str) -> LogUnavailable:
    words = redacted(" ".join(str(error).split()), url)
    match error:
        case _NoAnswer() | psycopg.errors.QueryCanceled() | psycopg.errors.ConnectionTimeout():
            advice = "it does not answer in time; check its load and the network, then send again"
        case psycopg.errors.DiskFull():
            advice = "its disk is full; make room, then send again"
        case psycopg.errors.ReadOnlySqlTransaction():
            advice = "it takes no writes; point database_url at the primary"
        case psycopg.errors.InsufficientPrivilege() | psycopg.errors.InvalidAuthorizationSpecification():
            advice = "it denies access; check the user and password in database_url and the user's rights"
        case _:
            advice = "it cannot be used; check that it runs and that database_url is right, then send again"
    return LogUnavailable(f"PostgreSQL: {advice} ({type(error).__name__}: {words})")
