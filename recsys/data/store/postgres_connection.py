"""Connections to PostgreSQL that never wait for long: a server that hangs is given up, one that came back is found."""

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

CONNECT_S = 2  # the least libpq knows
ALIVE_S = 1.0
GRACE_S = 0.5  # the server's own time limit comes first: it says more than a silent line


PostgresConnection = psycopg.Connection[tuple[Any, ...]]


class _NoAnswer(psycopg.OperationalError):
    """The server kept silent for longer than it was allowed to."""


class _TimedWait(PostgresConnection):
    """A connection that gives up by itself: a server that is stopped or cut off never tells that time is over."""

    patience_s: float = CONNECT_S

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        return super().wait(_until(monotonic() + self.patience_s, gen), interval)

    def begin(self, seconds: float) -> Self:
        """Opens a transaction whose statements may take so long each, and learns that the connection is alive."""
        self.patience_s = ALIVE_S
        self.execute("SELECT set_config('statement_timeout', %s, true)", (str(int(seconds * 1_000)),))
        self.patience_s = seconds + GRACE_S
        return self


def _until(deadline: float, gen: PQGen[RV]) -> PQGen[RV]:
    """The same steps of the driver, which ends when nothing came before the deadline."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and monotonic() > deadline:
                raise _NoAnswer("no answer in time")
            wanted = gen.send(ready)
    except StopIteration as end:
        result: RV = end.value
        return result


class ConnectionPool:
    """Up to max_open connections to one server; who needs one more waits.  Any number of threads."""

    def __init__(self, url: str, *, max_open: int = 8) -> None:
        """Connects when first asked.  Raises BadSettings when the URL is none."""
        try:
            conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise BadSettings(f"database_url: {error}; use postgresql://user:password@host:port/database") from None
        self._url = url
        self._places = BoundedSemaphore(max_open)
        self._idle: LifoQueue[_TimedWait] = LifoQueue()
        self._is_open = True

    @contextmanager
    def transaction(self, *, seconds: float) -> Iterator[PostgresConnection]:
        """A connection in a transaction whose statements may take so long; committed at the end, else nothing is kept.

        A connection that met an error is thrown away.  Raises LogUnavailable.
        """
        if not self._places.acquire(timeout=seconds):
            raise LogUnavailable(f"PostgreSQL: no connection was free for {seconds:.1f} s; send again later")
        try:
            with self._lent(seconds) as connection:
                yield connection
                connection.commit()
        except psycopg.Error as error:
            raise _unavailable(error) from error
        finally:
            self._places.release()

    def close(self) -> None:
        """Ends the connections; one that is at work ends after it."""
        self._is_open = False
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    @contextmanager
    def _lent(self, seconds: float) -> Iterator[_TimedWait]:
        connection = self._alive(seconds)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)
        if not self._is_open:
            self.close()

    def _alive(self, seconds: float) -> _TimedWait:
        """An idle connection that still answers, else a new one; those that the server has ended are thrown away."""
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

    def _idle_or_new(self) -> _TimedWait:
        try:
            return self._idle.get_nowait()
        except Empty:
            return _TimedWait.connect(
                self._url, connect_timeout=CONNECT_S, application_name="recsys", client_encoding="utf8"
            )


def _unavailable(error: psycopg.Error) -> LogUnavailable:
    words = " ".join(str(error).split())
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
