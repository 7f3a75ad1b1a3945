"""An event is attributed to the answer that led to it, and to one answer only."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.answer_log.answer_log import LoggedItem
from recsys.data.answer_log.attribution import attribute_outcomes, summarize_by_placement
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.time_units import HOUR_MS


def shown(request_id: str, at_hours: float, user_id: str | None, item_id: str, position: int = 1) -> LoggedItem:
    at_ms = round(at_hours * HOUR_MS)
    return LoggedItem(request_id, at_ms, user_id, "v", "personal", 0, "home", position, item_id, "discover", 0.5, 1.0)


def event(
    kind: Kind, at_hours: float, user_id: str, item_id: str, request_id: str | None = None, price: float | None = None
) -> Event:
    at = round(at_hours * HOUR_MS)
    return Event(f"{at}{kind}{user_id}{item_id}", user_id, item_id, kind, at, 2.0, price, request_id=request_id)


def table(rows: list[LoggedItem], events: list[Event], hours: float = 24.0) -> pl.DataFrame:
    frames = [pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")] if events else []
    return attribute_outcomes(rows, frames, hours=hours)


def counts(rows: pl.DataFrame) -> list[tuple[int, int, int]]:
    return rows.select("clicked", "carted", "bought").rows()


def test_a_request_id_decides_whatever_the_customer_and_the_time() -> None:
    rows = [shown("r1", 0, None, "a"), shown("r2", 1, "u", "a")]
    click = event(Kind.CLICK, 99, "somebody", "a", "r1")
    attributed = table(rows, [click, event(Kind.PURCHASE, 99, "somebody", "a", "r1", 1.5)])
    assert counts(attributed) == [(1, 0, 1), (0, 0, 0)]
    assert attributed["revenue"].to_list() == [3.0, 0.0]
    assert attributed["matched_by"].to_list() == ["request_id", None]


def test_without_a_request_id_the_last_answer_that_showed_it_counts() -> None:
    rows = [shown("r1", 0, "u", "a"), shown("r2", 5, "u", "a"), shown("r3", 9, "u", "a")]
    assert counts(table(rows, [event(Kind.CART, 8, "u", "a")])) == [(0, 0, 0), (0, 1, 0), (0, 0, 0)]


def test_an_event_that_is_too_late_or_of_another_item_is_not_attributed() -> None:
    rows = [shown("r1", 0, "u", "a")]
    events = [
        event(Kind.CLICK, 25, "u", "a"),
        event(Kind.CLICK, 1, "u", "b"),
        event(Kind.CLICK, 1, "v", "a"),
        event(Kind.VIEW, 1, "u", "a"),
    ]
    assert counts(table(rows, events)) == [(0, 0, 0)]
    assert counts(table(rows, events, hours=30)) == [(1, 0, 0)]


def test_without_events_all_counts_are_zero() -> None:
    assert counts(table([shown("r", 0, "u", "a"), shown("r", 0, "u", "b", 2)], [])) == [(0, 0, 0)] * 2


def test_outcomes_sum_up_by_placement_and_source() -> None:
    rows = [shown("r", 0, "u", "a"), shown("r", 0, "u", "b", 2), shown("s", 0, "v", "a")]
    total = summarize_by_placement(table(rows, [event(Kind.PURCHASE, 1, "u", "b", price=2.0)])).row(0, named=True)
    assert (total["answers"], total["shown"], total["bought"], total["revenue"]) == (2, 3, 1, 4.0)


items = st.sampled_from("ab")
answers = st.lists(
    st.tuples(st.sampled_from("rst"), st.integers(0, 40), st.sampled_from(["u", "v", None]), items),
    max_size=8,
    unique_by=lambda row: (row[1], row[3]),
)
actions = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from("uv"), items, st.none() | st.sampled_from("rsx")), max_size=8
)


@given(rows=answers, done=actions)
def test_counts_agree_with_counting_by_hand(
    rows: list[tuple[str, int, str | None, str]], done: list[tuple[int, str, str, str | None]]
) -> None:
    expected = [0] * len(rows)
    for at, user, item, request in done:
        by_id = [n for n, row in enumerate(rows) if row[0] == request and row[3] == item]
        by_user = [n for n, row in enumerate(rows) if row[2] == user and row[3] == item and 0 <= at - row[1] <= 24]
        if by_id:
            nearest = min(abs(at - rows[n][1]) for n in by_id)
            if sum(abs(at - rows[n][1]) == nearest for n in by_id) > 1:
                return  # two answers equally near: either is right
            expected[min(by_id, key=lambda n: abs(at - rows[n][1]))] += 1
        elif by_user:
            expected[max(by_user, key=lambda n: rows[n][1])] += 1
    clicks = [event(Kind.CLICK, at, user, item, request) for at, user, item, request in done]
    attributed = table([shown(*row) for row in rows], clicks)
    assert attributed["clicked"].to_list() == pytest.approx(expected)


def test_lines_of_one_order_are_one_purchase_with_all_their_money() -> None:
    line = event(Kind.PURCHASE, 1, "ann", "a", "r1", 5.0)
    lines = [line._replace(event_id=str(n), order_id=order) for n, order in enumerate(("o1", "o1", "o2"))]
    result = table([shown("r1", 0, "ann", "a")], lines)
    assert result.select("bought", "revenue").rows() == [(2, 30.0)]
    assert table([shown("r1", 0, "ann", "a")], [line, line._replace(event_id="2")])["bought"].to_list() == [1]
