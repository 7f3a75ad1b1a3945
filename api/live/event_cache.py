"""Event cache: users' events since the release, as far as this worker has read them; only newer ones are read again."""

from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from recsys.data.events import Event

MAX_EVENTS = 20_000  # of all users; some 10 MB a worker
NEWEST = 1_000  # of one user, the default of `Store.user_events`

_at_ms = attrgetter("at_ms")


class CachedEvents(NamedTuple):
    """One user's events with a number above `after`, oldest first, read up to number `until`.

    forgotten: see `Identity`; another value means that some of the events may be deleted.
    """

    after: int
    forgotten: int
    until: int
    events: Sequence[Event] = ()

    def with_newer(self, newer: Sequence[Event], until: int) -> "CachedEvents":
        """The events up to `until`, with those that the log holds above ours; some of them may be here already."""
        if not self.events:
            return CachedEvents(self.after, self.forgotten, until, newer)
        by_id = {event.event_id: event for event in (*self.events, *newer)}
        return CachedEvents(self.after, self.forgotten, until, sorted(by_id.values(), key=_at_ms)[-NEWEST:])


class EventCache:
    """Events of the users who were read last, at most `max_events` in all.  For one thread."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._n_events = 0
        self._by_owner: OrderedDict[str, CachedEvents] = OrderedDict()

    def get(self, owner: str, *, after: int, forgotten: int) -> CachedEvents:
        """What was read of that user; empty when it was read for another release, or before they were forgotten."""
        cached = self._by_owner.get(owner)
        if cached is None or cached.after != after or cached.forgotten != forgotten:
            return CachedEvents(after, forgotten, after)
        self._by_owner.move_to_end(owner)
        return cached

    def keep(self, owner: str, cached: CachedEvents) -> None:
        before = self._by_owner.pop(owner, None)
        self._n_events += len(cached.events) - (len(before.events) if before is not None else 0)
        self._by_owner[owner] = cached
        while self._n_events > self._max_events:
            self._n_events -= len(self._by_owner.popitem(last=False)[1].events)

    def drop(self) -> None:
        """Drops the events of all users."""
        self._by_owner.clear()
        self._n_events = 0
