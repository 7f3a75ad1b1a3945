"""Outcomes of what one customer was shown: the attribution of `attribution`, without polars, for a request."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from recsys.data.answer_log.answer_log import LoggedItem
from recsys.data.events import Event, Kind
from recsys.data.ids import MISSING
from recsys.time_units import DAY_MS, HOUR_MS

HOURS = 24.0


class ShownOutcomes(NamedTuple):
    """Answers, items shown, and the clicks, additions to the cart, purchases and money that belong to them."""

    answers: int
    shown: int
    clicked: int
    carted: int
    bought: int
    revenue: float
    last_shown: int | None


def sum_outcomes(shown: Sequence[LoggedItem], events: Iterable[Event], *, hours: float = HOURS) -> ShownOutcomes:
    """The sums over all items shown to one customer, by the rules of `attribute_outcomes`.  shown: oldest first."""
    by_request = {(item.request_id, item.item_id): place for place, item in enumerate(shown)}
    by_item: dict[str, list[int]] = {}
    for place, item in enumerate(shown):
        by_item.setdefault(item.item_id, []).append(place)
    n_clicked = n_carted = 0
    occasions, revenue = set[tuple[int, str | int]](), 0.0
    for event in events:
        place = by_request.get((event.request_id or "", event.item_id), MISSING)
        if place == MISSING:
            place = _last_place(shown, by_item.get(event.item_id, ()), event.at_ms, hours)
        if place == MISSING:
            continue
        n_clicked += event.kind == Kind.CLICK
        n_carted += event.kind == Kind.CART
        if event.kind == Kind.PURCHASE:
            occasions.add((place, event.at_ms // DAY_MS if event.order_id is None else event.order_id))
            revenue += (event.price or 0.0) * event.quantity
    return ShownOutcomes(
        answers=len({item.request_id for item in shown}),
        shown=len(shown),
        clicked=n_clicked,
        carted=n_carted,
        bought=len(occasions),
        revenue=revenue,
        last_shown=max((item.at_ms for item in shown), default=None),
    )


def _last_place(shown: Sequence[LoggedItem], places: Sequence[int], at_ms: int, hours: float) -> int:
    """The last of the places that was shown within so many hours before that moment; MISSING without one."""
    earliest = at_ms - round(hours * HOUR_MS)
    return next((place for place in reversed(places) if earliest <= shown[place].at_ms <= at_ms), MISSING)
