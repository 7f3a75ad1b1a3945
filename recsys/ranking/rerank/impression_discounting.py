"""Impression discounting: items shown lately move down, by the shop's impressions and by the lists the service sent."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING
from recsys.ranking.query import ListOptions, Query
from recsys.time_units import DAY_MS

HALF_LIFE_DAYS = 1.0  # of an impression
DEMOTED_LISTS = 2.0  # an item just shown, even in first place, moves below a whole list of other items


NAMED, UNNAMED, SENT = range(3)  # reports of an impression: by the shop with or without a request id, by the service


def recently_shown(query: Query, options: ListOptions, catalogue: Catalogue) -> dict[int, float]:
    """By position, how often the customer was shown the item lately; an impression a day old counts half.

    An impression before the customer's last other event with the item does not count.  An impression that the shop
    reports without a request id may belong to any list, so the larger of the shop's and the service's count is used.
    """
    events = [*{event.event_id: event for event in (*options.shown, *query.recent)}.values(), *query.session]
    last_used: dict[str, int] = {}  # by item id, time of the last event that is no impression, Unix ms
    for event in events:
        if event.kind != Kind.IMPRESSION:
            last_used[event.item_id] = max(event.at_ms, last_used.get(event.item_id, 0))
    counts: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for item_id, at_ms, report in _impressions(events, options):
        if at_ms >= last_used.get(item_id, 0):
            counts[item_id][report] += math.exp2(-max(0.0, (query.now_ms - at_ms) / DAY_MS) / HALF_LIFE_DAYS)
    items = {catalogue.position(item_id): count[NAMED] + max(count[UNNAMED:]) for item_id, count in counts.items()}
    items.pop(MISSING, None)
    return items


def _impressions(events: Iterable[Event], options: ListOptions) -> Iterator[tuple[str, int, int]]:
    """Item id, Unix ms and report of each impression; of a list that the shop reports, only the shop's own count."""
    events = [event for event in events if event.kind == Kind.IMPRESSION]
    request_ids = {event.request_id for event in events} - {None}
    for event in events:
        yield event.item_id, event.at_ms, NAMED if event.request_id else UNNAMED
    for answer in options.answers:
        if answer.request_id not in request_ids:
            yield from ((item_id, answer.at_ms, SENT) for item_id in answer.items)
