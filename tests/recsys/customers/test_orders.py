"""Orders: one per occasion, after discounts, without what was sent back, and nothing of what came later."""

from dataclasses import fields

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import AnyArray
from recsys.customers.orders import Orders, build_orders, customer_lines, paid_lines
from recsys.data.dataset.dataset import read_events
from recsys.data.events import EVENT_SCHEMA, Activity, Event, Kind
from recsys.data.ids import IdMap
from recsys.time_units import DAY_MS

DAYS = 6
USERS = IdMap.from_ids("ab")

lines = st.builds(
    Event,
    event_id=st.just(""),
    user_id=st.sampled_from("ab"),
    item_id=st.sampled_from("xyz"),
    kind=st.sampled_from([Kind.PURCHASE, Kind.PURCHASE, Kind.RETURN, Kind.VIEW]),
    at_ms=st.integers(0, DAYS * 4 - 1).map(lambda quarter: quarter * DAY_MS // 4),
    quantity=st.integers(1, 3).map(float),
    price=st.sampled_from([None, 0.0, 1.0, 2.5]),
    order_id=st.none() | st.sampled_from(["o1", "o2"]),
    discount=st.sampled_from([None, 0.5]),
)


def on_their_day(events: list[Event]) -> list[Event]:
    """The same events, with order ids that no two days share."""
    return [event._replace(order_id=event.order_id and f"{event.order_id}-{event.at_ms // DAY_MS}") for event in events]


def whole(events: list[Event], users: IdMap = USERS, cost_by_item: dict[str, float] | None = None) -> Orders:
    frame = read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")])
    return build_orders(paid_lines(frame, users, cost_by_item or {}), len(users))


def columns(orders: Orders, customer: int | None = None) -> list[AnyArray]:
    """The columns of all orders, or of one customer."""
    rows = slice(None) if customer is None else slice(*orders.indptr[customer : customer + 2])
    return [getattr(orders, f.name)[rows] for f in fields(Orders) if f.name not in ("indptr", "customer", "postings")]


def bought(item: str, day: float, order: str | None = None, quantity: float = 1.0, price: float | None = 2.0) -> Event:
    return Event("", "a", item, Kind.PURCHASE, round(day * DAY_MS), quantity, price, order)


def sent(item: str, day: float, order: str | None = None, quantity: float = 1.0) -> Event:
    return bought(item, day, order, quantity, None)._replace(kind=Kind.RETURN)


def test_lines_of_an_order_are_one_order_with_their_sums() -> None:
    orders = whole([bought("x", 1, "o", 2, 2.5), bought("y", 1, "o", 1, 4), bought("x", 2, "p")])
    assert orders.money.tolist() == [9, 2]
    assert orders.n_lines.tolist() == [2, 1]
    assert orders.n_items.tolist() == [3, 1]
    assert orders.at_ms.tolist() == [DAY_MS, 2 * DAY_MS]
    assert orders.indptr.tolist() == [0, 2, 2]


def test_without_order_ids_a_day_is_an_order() -> None:
    orders = whole([bought("x", 1), bought("y", 1.5), bought("x", 2)])
    assert orders.money.tolist() == [4, 2]
    assert orders.at_ms.tolist() == [1.5 * DAY_MS, 2 * DAY_MS]


def test_each_unit_that_comes_back_takes_off_what_was_paid_for_it() -> None:
    orders = whole([bought("x", 1, "o", 4, 3), bought("y", 1, "o", 1, 5), sent("x", 3, "o")])
    assert orders.money.tolist() == [14]
    assert (orders.n_lines.tolist(), orders.n_items.tolist()) == ([2], [4])


def test_more_units_back_than_were_bought_take_off_no_more() -> None:
    orders = whole([bought("x", 1, "o", 2, 3), bought("y", 1, "o", 1, 5), sent("x", 3, "o", 1), sent("x", 4, "o", 9)])
    assert orders.money.tolist() == [5]
    assert (orders.n_lines.tolist(), orders.n_items.tolist()) == ([1], [1])


def test_an_order_of_which_all_came_back_is_none() -> None:
    assert len(whole([bought("x", 1, "o"), sent("x", 3, "o")]).at_ms) == 0


def test_a_return_does_not_change_what_was_known_before_it() -> None:
    orders = whole([bought("x", 1, "o"), sent("x", 3, "o")])
    assert orders.until(3 * DAY_MS).money.tolist() == [2]
    assert orders.until(3 * DAY_MS + 1).money.tolist() == []


def test_gifts_do_not_count_and_lines_without_a_price_count_without_money() -> None:
    orders = whole([bought("x", 1, price=0), bought("y", 2, price=None)])
    assert (orders.money.tolist(), orders.n_lines.tolist()) == ([0], [1])


def test_the_margin_is_unknown_where_a_cost_is() -> None:
    events = [bought("x", 1, "o", 2, 3), bought("x", 2, "p"), bought("y", 2, "p")]
    assert whole(events, cost_by_item={"x": 1.0}).margin.tolist()[0] == 4
    assert np.isnan(whole(events, cost_by_item={"x": 1.0}).margin[1])


@given(st.lists(lines, max_size=14), st.integers(0, DAYS))
def test_until_a_day_is_what_a_log_that_ends_there_gives(events: list[Event], day: int) -> None:
    events = on_their_day(events)
    earlier = [event for event in events if event.at_ms < day * DAY_MS]
    for column, expected in zip(columns(whole(events).until(day * DAY_MS)), columns(whole(earlier)), strict=True):
        np.testing.assert_array_equal(column, expected)


@given(st.lists(lines, max_size=14))
def test_the_events_of_one_customer_give_the_orders_that_the_whole_log_gives(events: list[Event]) -> None:
    together = whole(events, cost_by_item={"x": 0.5})
    for row, user in enumerate("ab"):
        own = [event for event in events if event.user_id == user]
        alone = build_orders(customer_lines(Activity.from_events(own), {"x": 0.5}), 1)
        for column, expected in zip(columns(alone), columns(together, row), strict=True):
            np.testing.assert_array_equal(column, expected)


@given(st.lists(lines, max_size=14))
def test_money_and_units_never_fall_below_zero_and_sum_to_what_was_kept(events: list[Event]) -> None:
    orders = whole(events)
    assert (orders.money >= -1e-9).all()
    assert (orders.n_lines > 0).all()
    paid = sum(e.quantity * (e.price or 0) for e in events if e.kind == Kind.PURCHASE)
    assert orders.money.sum() <= paid + 1e-9
