"""Event cache: users' events since the release, as far as this worker has read them; only newer ones are read again."""

from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from recsys.data.events import Event
from recsys.memory_size import text_bytes

MAX_EVENTS = 20_000  # of all users, a user counts as one more; some 10 MB a worker
MAX_BYTES = 32 * 2**20  # the same where ids are long
NEWEST = 1_000  # of one user, the default of `Store.user_events`

_EVENT_BYTES = 400  # of an event beside its texts
_at_ms = attrgetter("at_ms")


class CachedEvents(NamedTuple):
    """One user's events with a number above `after`, oldest first, read up to number `until`.

    forgotten: see `Identity`; another value means that some of the events may be deleted.
    """

    after: int
    forgotten: int
    until: int
    events: Sequence[Event] = ()
    n_bytes: int = 0

    def with_newer(self, newer: Sequence[Event], until: int) -> "CachedEvents":
        """The events up to `until`, with those that the log holds above ours; some of them may be here already."""
        # Events that leave again stay counted: too much is counted at most, and not each event at each time.
        n_bytes = self.n_bytes + sum(map(_event_bytes, newer))
        if not self.events:
            return CachedEvents(self.after, self.forgotten, until, newer, n_bytes)
        by_id = {event.event_id: event for event in (*self.events, *newer)}
        return CachedEvents(self.after, self.forgotten, until, sorted(by_id.values(), key=_at_ms)[-NEWEST:], n_bytes)


class EventCache:
    """Events of the users who were read last, at most `max_events` and `max_bytes` in all.  For one thread."""

    def __init__(self, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._n_events = self._n_bytes = 0
        self._by_owner: OrderedDict[str, CachedEvents] = OrderedDict()

    def get(self, owner: str, *, after: int, forgotten: int) -> CachedEvents:
        """What was read of that user; empty when it was read for another release, or before they were forgotten."""
        cached = self._by_owner.get(owner)
        if cached is None or cached.after != after or cached.forgotten != forgotten:
            return CachedEvents(after, forgotten, max(after, forgotten))  # older events are being deleted
        self._by_owner.move_to_end(owner)
        return cached

    def keep(self, owner: str, cached: CachedEvents) -> None:
        before = self._by_owner.pop(owner, None)
        if before is not None:
            self._count(owner, before, -1)
        self._by_owner[owner] = cached
        self._count(owner, cached, 1)
        while self._n_events > self._max_events or self._n_bytes > self._max_bytes:
            self._count(*self._by_owner.popitem(last=False), -1)

    def drop(self) -> None:
        """Drops the events of all users."""
        self._by_owner.clear()
        self._n_events = self._n_bytes = 0

    def _count(self, owner: str, cached: CachedEvents, sign: int) -> None:
        self._n_events += sign * (1 + len(cached.events))
        self._n_bytes += sign * (_EVENT_BYTES + text_bytes(owner) + cached.n_bytes)


def _event_bytes(event: Event) -> int:
    ids = text_bytes(event.event_id) + text_bytes(event.item_id) + text_bytes(event.order_id)
    labels = (event.channel, event.request_id, event.coupon, event.campaign)
    return _EVENT_BYTES + ids + sum(map(text_bytes, labels))
