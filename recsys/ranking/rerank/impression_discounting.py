"""Impression discounting: items shown lately move down, by the shop's impressions and by the lists the service sent."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING
from recsys.ranking.query import ListOptions, Query
from recsys.time_units import DAY_MS

HALF_LIFE_DAYS = 1.0  # of an impression
DEMOTED_LISTS = 2.0  # an item that was just shown, the first one too, stands below a whole list of other items


def recently_shown(query: Query, options: ListOptions, catalogue: Catalogue) -> dict[int, float]:
    """By position, how often the customer was shown the item lately; an impression a day old counts half.

    An impression before the customer's last other event with the item does not count.
    """
    events = [*{event.event_id: event for event in (*options.shown, *query.recent)}.values(), *query.session]
    counts = _impression_counts(events, options, _last_used_ms(events), query.now_ms)
    items = {catalogue.position(item_id): count for item_id, count in counts.items()}
    items.pop(MISSING, None)
    return items


def _last_used_ms(events: Iterable[Event]) -> dict[str, int]:
    """When the customer last did anything but see the item, Unix ms."""
    last_used: dict[str, int] = {}
    for event in events:
        if event.kind != Kind.IMPRESSION:
            last_used[event.item_id] = max(event.at_ms, last_used.get(event.item_id, 0))
    return last_used


def _impression_counts(
    events: Iterable[Event], options: ListOptions, last_used: Mapping[str, int], now_ms: int
) -> dict[str, float]:
    """Decayed number of impressions by item id.

    The shop knows best what was seen.  A list that its events name, by request id, counts by those impressions alone;
    an impression that names no list may be of any, so the larger of both counts is taken.
    """
    events = [event for event in events if event.kind == Kind.IMPRESSION]
    request_ids = {event.request_id for event in events} - {None}
    named = _decayed(((event.item_id, event.at_ms) for event in events if event.request_id), last_used, now_ms)
    unnamed = _decayed(((event.item_id, event.at_ms) for event in events if not event.request_id), last_used, now_ms)
    sent_items = (
        (item_id, answer.at_ms)
        for answer in options.answers
        if answer.request_id not in request_ids
        for item_id in answer.items
    )
    sent = _decayed(sent_items, last_used, now_ms)
    return {
        item_id: named.get(item_id, 0.0) + max(unnamed.get(item_id, 0.0), sent.get(item_id, 0.0))
        for item_id in (*named, *unnamed, *sent)
    }


def _decayed(impressions: Iterable[tuple[str, int]], last_used: Mapping[str, int], now_ms: int) -> dict[str, float]:
    counts: defaultdict[str, float] = defaultdict(float)
    for item_id, at_ms in impressions:
        if at_ms >= last_used.get(item_id, 0):
            counts[item_id] += math.exp2(-max(0.0, (now_ms - at_ms) / DAY_MS) / HALF_LIFE_DAYS)
    return counts
