"""What customers did since the release, as far as this worker has read it: from the log comes only what is newer."""

from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from recsys.data.events import Event

MOST = 20_000  # events of all customers; some 10 MB a worker
NEWEST = 1_000  # of one customer, as `EventLog.user_events` gives by itself

_at_ms = attrgetter("at_ms")


class CachedEvents(NamedTuple):
    """One customer's events with a number above `after`, oldest first, read up to `until`.

    forgotten: see `Standing`; another number of it means that some of them may be gone.
    """

    after: int
    forgotten: int
    until: int
    events: Sequence[Event] = ()

    def with_newer(self, found: Sequence[Event], until: int) -> "CachedEvents":
        """Up to there, with what the log holds above `until`: some of it may have been read before."""
        if not self.events:
            return CachedEvents(self.after, self.forgotten, until, found)
        by_id = {event.event_id: event for event in (*self.events, *found)}
        return CachedEvents(self.after, self.forgotten, until, sorted(by_id.values(), key=_at_ms)[-NEWEST:])


class EventCache:
    """Of the customers asked for last, up to `most` events in all.  For one thread."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._n_events = 0
        self._read: OrderedDict[str, CachedEvents] = OrderedDict()

    def find(self, owner: str, *, after: int, forgotten: int) -> CachedEvents:
        """What was read of that customer; nothing if for another release, or from before they were forgotten."""
        read = self._read.get(owner)
        if read is None or read.after != after or read.forgotten != forgotten:
            return CachedEvents(after, forgotten, after)
        self._read.move_to_end(owner)
        return read

    def keep(self, owner: str, read: CachedEvents) -> None:
        was = self._read.pop(owner, None)
        self._n_events += len(read.events) - (len(was.events) if was is not None else 0)
        self._read[owner] = read
        while self._n_events > self._most:
            self._n_events -= len(self._read.popitem(last=False)[1].events)

    def drop(self) -> None:
        """Forgets what was read of all customers."""
        self._read.clear()
        self._n_events = 0
