"""Outcomes of one customer: the sums that the table of attribution gives."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.answer_log.answer_log import LoggedItem
from recsys.data.answer_log.attribution import attribute_outcomes
from recsys.data.answer_log.outcomes import sum_outcomes
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.time_units import HOUR_MS

REQUESTS = {"r1": 0, "r2": 20, "r3": 40}

places = st.tuples(st.sampled_from(sorted(REQUESTS)), st.sampled_from("ab"))
events = st.builds(
    Event,
    event_id=st.just(""),
    user_id=st.just("u"),
    item_id=st.sampled_from("abc"),
    kind=st.sampled_from([Kind.VIEW, Kind.CLICK, Kind.CART, Kind.PURCHASE]),
    at_ms=st.integers(0, 80).map(lambda hour: hour * HOUR_MS),
    quantity=st.sampled_from([1.0, 2.0]),
    price=st.sampled_from([None, 1.5]),
    order_id=st.none() | st.just("o"),
    request_id=st.none() | st.sampled_from([*sorted(REQUESTS), "other"]),
)


def logged(request_id: str, item_id: str, position: int) -> LoggedItem:
    at_ms = REQUESTS[request_id] * HOUR_MS
    return LoggedItem(request_id, at_ms, "u", "v", "personal", 0, "home", position, item_id, "discover", 0.5, 1.0)


@given(st.lists(places, unique=True).map(sorted), st.lists(events))
def test_the_sums_are_those_of_the_table_of_attribution(pairs: list[tuple[str, str]], happened: list[Event]) -> None:
    shown = [logged(request_id, item_id, position) for position, (request_id, item_id) in enumerate(pairs, 1)]
    happened.sort(key=lambda event: event.at_ms)
    table = attribute_outcomes(shown, [pl.DataFrame(happened, schema=EVENT_SCHEMA, orient="row")], hours=24)
    sums = sum_outcomes(shown, happened)
    assert (sums.clicked, sums.carted, sums.bought) == table.select(pl.sum("clicked", "carted", "bought")).row(0)
    assert sums.revenue == table["revenue"].sum()
    assert (sums.shown, sums.answers) == (len(shown), len({item.request_id for item in shown}))


def test_nothing_shown_has_no_last_moment() -> None:
    assert sum_outcomes([], []).last_shown is None
