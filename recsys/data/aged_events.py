"""Retention of events: those that are older than their kind is kept, counted, and deleted piece by piece.

A deletion is a tombstone in the order of the log, before anything is deleted: so no number of the log is given out
again, and releases made before it are known to hold what is gone.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recsys.data.events import Kind

SCANNED_ROWS = 200_000  # of one read
PIECE_ROWS = 200  # of one transaction: a few milliseconds, after which other writers get their turn
MAX_PAUSE_S = 0.05

_NEVER = -(2**62)  # no event is so old
_MOMENTS = " ".join(f"WHEN {int(kind)} THEN CAST(${n} AS bigint)" for n, kind in enumerate(Kind, 1))
_IS_OLD = f"at_ms < CASE kind {_MOMENTS} END"
_AFTER, _UNTIL = f"CAST(${len(Kind) + 1} AS bigint)", f"CAST(${len(Kind) + 2} AS bigint)"
_COUNT = f"SELECT kind, count(*) FROM events WHERE {_IS_OLD} AND seq > {_AFTER} AND seq <= {_UNTIL} GROUP BY kind"
_SEQS = f"SELECT seq FROM events WHERE {_IS_OLD} AND seq > {_AFTER} AND seq <= {_UNTIL} ORDER BY seq"


class AgedEvents(ABC):
    """The part of a store that knows the age of events and deletes by it.

    before_ms: Unix ms by kind; other kinds are kept for ever.  Every method raises `LogUnavailable`.
    """

    def last_event_ms(self) -> int | None:
        """Time of the event that was stored last, None when there is none."""
        rows = self._read_page("SELECT at_ms FROM events ORDER BY seq DESC LIMIT 1")
        return int(rows[0][0]) if rows else None

    def count_aged_events(self, before_ms: Mapping[int, int]) -> dict[int, int]:
        """How many events of each kind are older than that."""
        counts: dict[int, int] = {}
        for rows in self._aged(_COUNT, before_ms):
            for kind, n in rows:
                counts[kind] = counts.get(kind, 0) + n
        return counts

    def delete_aged_events(self, before_ms: Mapping[int, int]) -> int:
        """Deletes them, and returns how many; after each piece other writers get as much time as it took."""
        n_deleted = 0
        for rows in self._aged(_SEQS, before_ms):
            for start in range(0, len(rows), PIECE_ROWS):
                if n_deleted == 0:
                    self._begin_expiry()
                started = time.monotonic()
                piece = [seq for (seq,) in rows[start : start + PIECE_ROWS]]
                self._delete_events(piece)
                n_deleted += len(piece)
                time.sleep(min(time.monotonic() - started, MAX_PAUSE_S))
        return n_deleted

    def _aged(self, sql: str, before_ms: Mapping[int, int]) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the query, from one stretch of the log after the other."""
        if before_ms:
            moments = [before_ms.get(int(kind), _NEVER) for kind in Kind]
            for after in range(0, self.head(), SCANNED_ROWS):
                yield self._read_page(sql, *moments, after, after + SCANNED_ROWS)

    @abstractmethod
    def head(self) -> int:
        """seq of the last event or tombstone; 0 when there is neither."""

    @abstractmethod
    def _read_page(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that may take longer."""

    @abstractmethod
    def _begin_expiry(self) -> None:
        """Takes the next number of the log for a deletion by age."""

    @abstractmethod
    def _delete_events(self, seqs: Sequence[int]) -> None:
        """Deletes the events with these numbers, in one transaction."""
