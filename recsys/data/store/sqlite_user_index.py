"""Which events are whose, in a SQLite file: a small table for new ones beside the large one, into which they are moved.

A commit of many customers would write a page of a large index for each of them.  In the small table their rows share
pages, and what is moved at one go is that of neighbours, who share pages in the large one, too.  (O'Neil et al. 1996,
the log-structured merge-tree, in two levels.)
"""

import apsw

_COLUMNS = "(user_id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(user_id, seq)) STRICT, WITHOUT ROWID"
SCHEMA = f"""
CREATE TABLE events_of_user{_COLUMNS};
CREATE TABLE new_of_user{_COLUMNS};
"""
TAKEN_OVER = """
INSERT INTO events_of_user SELECT user_id, seq FROM events ORDER BY user_id, seq;
DROP INDEX events_by_user;
"""
HEAD = """
SELECT max(coalesce((SELECT max(seq) FROM events_of_user WHERE user_id = ?1), 0),
           coalesce((SELECT max(seq) FROM new_of_user WHERE user_id = ?1), 0))
"""
_JOINED = "JOIN events USING(seq) WHERE mine.user_id = ?1 AND seq > ?2"
_MANY = 10_000  # events at once, as an import brings them, fill pages of the large table by themselves
_MOST_NEW = 30_000
_MOVED_FOR_ONE = 2  # so the small table shrinks, whoever else adds to it
_END = "SELECT user_id FROM new_of_user WHERE user_id > ?1 ORDER BY user_id LIMIT 1 OFFSET ?2"
_BETWEEN = "FROM new_of_user WHERE user_id > ? AND user_id <= ?"
_LAST = "SELECT max(user_id) FROM new_of_user"
_NEWEST = "SELECT user_id, seq FROM events WHERE seq >= ? ORDER BY user_id, seq"


def after(fields: str) -> str:
    """The query for those fields of customer ?1's events with seq > ?2, in no order."""
    told = ", ".join(f"events.{field}" for field in fields.split(", "))
    return " UNION ALL ".join(
        f"SELECT seq, {told} FROM {table} AS mine CROSS {_JOINED}" for table in ("events_of_user", "new_of_user")
    )


class UserEventIndex:
    """Adds to both tables within the caller's transaction; one writer at a time."""

    def __init__(self) -> None:
        self._moved_to = ""  # any place will do: it goes round
        self._unseen = _MOST_NEW  # events added since the small table was counted

    def add(self, connection: apsw.Connection, first_seq: int, n: int) -> None:
        """The newest n events of the log, which have just been stored from first_seq on."""
        table = "events_of_user" if n >= _MANY else "new_of_user"
        connection.execute(f"INSERT OR FAIL INTO {table} {_NEWEST}", (first_seq,))
        self._unseen += n
        if self._unseen >= _MOST_NEW // 4:
            self._tidy(connection, n)

    def _tidy(self, connection: apsw.Connection, n_added: int) -> None:
        """Moves the rows of the next few customers when the small table has become large."""
        if connection.execute("SELECT count(*) FROM new_of_user").get < _MOST_NEW:
            self._unseen = 0
            return
        start = self._moved_to
        end = connection.execute(_END, (start, _MOVED_FOR_ONE * n_added)).get
        between = (start, end or connection.execute(_LAST).get)
        connection.execute(f"INSERT OR FAIL INTO events_of_user SELECT user_id, seq {_BETWEEN}", between)
        connection.execute(f"DELETE {_BETWEEN}", between)
        self._moved_to = end or ""
