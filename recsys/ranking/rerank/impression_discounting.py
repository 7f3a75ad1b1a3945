"""What a customer was shown lately sinks: by impressions the shop tells of, and by the answers the service gave."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from recsys.data.catalogue.catalogue import Catalogue
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING
from recsys.ranking.query import ListOptions, Query
from recsys.time_units import DAY_MS

HALF_LIFE_DAYS = 1.0  # of having been shown
SINKS = 2.0  # lists: what was just shown stands below a whole list of other items, the first of it too


def recently_shown(ask: Query, wished: ListOptions, catalogue: Catalogue) -> dict[int, float]:
    """By position, how often the customer was shown it lately, what is a day old counting half.

    What the customer did something with after that is not tired of.
    """
    of_log = {event.event_id: event for event in (*wished.shown, *ask.recent)}
    events = [*of_log.values(), *ask.session]
    often = _shown(events, wished, _done(events), ask.now_ms)
    found = {catalogue.position(item_id): times for item_id, times in often.items()}
    found.pop(MISSING, None)
    return found


def _done(events: Iterable[Event]) -> dict[str, int]:
    """When the customer last did something with an item, Unix ms."""
    done: dict[str, int] = {}
    for event in events:
        if event.kind != Kind.IMPRESSION:
            done[event.item_id] = max(event.at_ms, done.get(event.item_id, 0))
    return done


def _shown(events: Iterable[Event], wished: ListOptions, done: Mapping[str, int], now_ms: int) -> dict[str, float]:
    """That, by item id.

    The shop knows best what was seen.  An answer it speaks of, by its request id, counts by those impressions alone;
    an impression that names no answer may be of any, so of both counts the larger is taken.
    """
    impressions = [event for event in events if event.kind == Kind.IMPRESSION]
    told = {event.request_id for event in impressions} - {None}
    named = _summed(((one.item_id, one.at_ms) for one in impressions if one.request_id), done, now_ms)
    unnamed = _summed(((one.item_id, one.at_ms) for one in impressions if not one.request_id), done, now_ms)
    answered = _summed(_places(wished, told), done, now_ms)
    return {
        item_id: named.get(item_id, 0.0) + max(unnamed.get(item_id, 0.0), answered.get(item_id, 0.0))
        for item_id in (*named, *unnamed, *answered)
    }


def _places(wished: ListOptions, told: set[str | None]) -> Iterator[tuple[str, int]]:
    """Each item of each answer of which the shop said nothing, and when it left."""
    for answer in wished.answers:
        if answer.request_id not in told:
            yield from ((item_id, answer.at_ms) for item_id in answer.items)


def _summed(showings: Iterable[tuple[str, int]], done: Mapping[str, int], now_ms: int) -> dict[str, float]:
    total: defaultdict[str, float] = defaultdict(float)
    for item_id, at_ms in showings:
        if at_ms >= done.get(item_id, 0):
            total[item_id] += math.exp2(-max(0.0, (now_ms - at_ms) / DAY_MS) / HALF_LIFE_DAYS)
    return total
