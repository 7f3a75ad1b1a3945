"""Job lock in PostgreSQL: a lease row that its holder renews; an advisory lock orders those who take it.

The clock is that of the server.  A holder that dies or is cut off loses the lease after `ttl_s`; while nobody else has
taken it, a late renewal counts.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from recsys.data.store.postgres_pool import ConnectionPool, PostgresConnection
from training.schedule.holder import JobHolder, parse_holder

TTL_S = 120.0  # a training at the lowest priority on a busy machine must come to renew it
ANSWER_S = 5.0
# Another number than that of the writers of the log: events are stored while a job waits.
_ORDER = f"SELECT pg_advisory_xact_lock({0x7265_6A6F})"
_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS recsys;
CREATE TABLE IF NOT EXISTS recsys.job_lease(
    name text PRIMARY KEY, generation bigint NOT NULL, holder text NOT NULL,
    until timestamptz NOT NULL
);
"""
_TAKE = """
INSERT INTO job_lease AS held(name, generation, holder, until)
VALUES('job', $1::bigint + 1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE
SET generation = greatest(held.generation, $1) + 1, holder = excluded.holder, until = excluded.until
WHERE held.until < clock_timestamp() RETURNING generation
"""
_HOLDER = "SELECT holder FROM job_lease WHERE until >= clock_timestamp()"
_RENEW = "UPDATE job_lease SET until = clock_timestamp() + make_interval(secs => $2) WHERE generation = $1"
_RELEASE = "UPDATE job_lease SET until = '-infinity', holder = '' WHERE generation = $1"


class PostgresLease:
    """A `JobLock` in the schema `recsys` of a database, made at its first use."""

    def __init__(self, url: str, *, ttl_s: float = TTL_S) -> None:
        """Does not connect yet.  Raises BadSettings for a malformed URL."""
        self._pool = ConnectionPool(url, max_open=2)  # the job's and that of its renewals
        self._ttl_s = ttl_s
        self.renew_s: float | None = ttl_s / 6
        self._is_ready = False

    def take(self, holder: JobHolder, floor: int) -> int | None:
        with self._transaction() as connection:
            connection.execute(_ORDER)
            row = connection.execute(_TAKE, (floor, holder.to_json().decode(), self._ttl_s)).fetchone()
        return int(row[0]) if row else None

    def holder(self) -> JobHolder | None:
        with self._transaction() as connection:
            row = connection.execute(_HOLDER).fetchone()
        return parse_holder(row[0]) if row else None

    def renew(self, generation: int) -> bool:
        with self._transaction() as connection:
            return connection.execute(_RENEW, (generation, self._ttl_s)).rowcount == 1

    def release(self, generation: int) -> None:
        with self._transaction() as connection:
            connection.execute(_RELEASE, (generation,))

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def _transaction(self) -> Iterator[PostgresConnection]:
        with self._pool.transaction(seconds=ANSWER_S) as connection:
            if not self._is_ready:
                connection.execute(_ORDER)
                connection.execute(_SCHEMA)
            yield connection
        self._is_ready = True
