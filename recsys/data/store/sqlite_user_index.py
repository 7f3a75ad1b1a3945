"""Index of events by customer in SQLite: a small table of new rows beside a large one, as a log-structured merge-tree.

A commit of many customers would write a page of a large index for each of them.  In the small table their rows share
pages.  Rows move to the large table together with their neighbours, which share pages there, too.  (O'Neil et al. 1996,
with two levels.)
"""

import math

import apsw

_COLUMNS = "(user_id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(user_id, seq)) STRICT, WITHOUT ROWID"
SCHEMA = f"""
CREATE TABLE events_of_user{_COLUMNS};
CREATE TABLE new_of_user{_COLUMNS};
"""
MIGRATION = """
INSERT INTO events_of_user SELECT user_id, seq FROM events ORDER BY user_id, seq;
DROP INDEX events_by_user;
"""
HEAD = """
SELECT max(coalesce((SELECT max(seq) FROM events_of_user WHERE user_id = ?1), 0),
           coalesce((SELECT max(seq) FROM new_of_user WHERE user_id = ?1), 0))
"""
OWNER_PAGES = (
    " UNION ".join(
        f"SELECT * FROM (SELECT DISTINCT user_id FROM {table} WHERE user_id > ?1 ORDER BY user_id LIMIT 10000)"
        for table in ("events_of_user", "new_of_user")
    )
    + " ORDER BY 1 LIMIT 10000"
)
_JOINED = "JOIN events USING(seq) WHERE mine.user_id = ?1 AND seq > ?2"
_MANY = 10_000  # so many events at once are those of an import
_SMALL_LOG = 40  # times the events of an import's commit: that large table has fewer pages than a commit has rows
_MAX_NEW = 30_000
_MOVED_PER_EVENT = 2  # more than one, so that the small table shrinks
_END = "SELECT user_id FROM new_of_user WHERE user_id > ?1 ORDER BY user_id LIMIT 1 OFFSET ?2"
_BETWEEN = "FROM new_of_user WHERE user_id > ? AND user_id <= ?"
_LAST = "SELECT max(user_id) FROM new_of_user"
_NEWEST = "SELECT user_id, seq FROM events WHERE seq >= ? ORDER BY user_id, seq"


def user_events_query(fields: str) -> str:
    """The query for those fields of the events of customer ?1 with seq > ?2, in no order."""
    columns = ", ".join(f"events.{field}" for field in fields.split(", "))
    return " UNION ALL ".join(
        f"SELECT seq, {columns} FROM {table} AS mine CROSS {_JOINED}" for table in ("events_of_user", "new_of_user")
    )


class UserEventIndex:
    """Writes both tables in the caller's transaction.  One writer at a time."""

    def __init__(self) -> None:
        self._moved_to = ""  # the customer up to whom rows were moved; after the last one it starts again
        self._n_uncounted = _MAX_NEW  # events added since the rows of the small table were counted

    def add(self, connection: apsw.Connection, first_seq: int, n: int) -> None:
        """Adds the n newest events of the log, which were stored from first_seq on."""
        is_small_log = n >= _MANY and first_seq < _SMALL_LOG * n
        table = "events_of_user" if is_small_log else "new_of_user"
        connection.execute(f"INSERT OR FAIL INTO {table} {_NEWEST}", (first_seq,))
        self._n_uncounted += n
        if n >= _MANY and not is_small_log:
            self._move_all(connection, math.isqrt(n * first_seq))
        elif self._n_uncounted >= _MAX_NEW // 4:
            self._move_rows(connection, n)

    def _move_all(self, connection: apsw.Connection, most: int) -> None:
        """Moves all rows, in an import, when there are more than `most`.

        To move them writes most pages of the large table, and to keep them writes most of the small one with every
        commit.  With the square root of rows of a commit times rows of the log, both cost the same.
        """
        if self._n_uncounted > most and connection.execute("SELECT count(*) FROM new_of_user").get > most:
            connection.execute("INSERT OR FAIL INTO events_of_user SELECT user_id, seq FROM new_of_user")
            connection.execute("DELETE FROM new_of_user")
            self._n_uncounted = 0

    def _move_rows(self, connection: apsw.Connection, n_added: int) -> None:
        """Moves the rows of the next customers when the small table has become large."""
        if connection.execute("SELECT count(*) FROM new_of_user").get < _MAX_NEW:
            self._n_uncounted = 0
            return
        start = self._moved_to
        end = connection.execute(_END, (start, _MOVED_PER_EVENT * n_added)).get
        between = (start, end or connection.execute(_LAST).get)
        connection.execute(f"INSERT OR FAIL INTO events_of_user SELECT user_id, seq {_BETWEEN}", between)
        connection.execute(f"DELETE {_BETWEEN}", between)
        self._moved_to = end or ""
