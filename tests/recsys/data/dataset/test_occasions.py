"""Occasions: an order, or a day without order ids, is one purchase of an item, in however many lines it was written."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recsys.data.dataset.dataset import Dataset, build_dataset, read_events
from recsys.data.dataset.histories import past_purchases, sent_back_items
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.occasions import is_counted
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.learning.fit import repeat_share
from recsys.learning.holdout import hold_out
from recsys.models.buy_again import BuyAgain
from recsys.time_units import DAY_MS

NOW = 1_000
HOUR_MS = DAY_MS // 24
WEIGHTS = {Kind.PURCHASE: 1.0, Kind.VIEW: 0.1, Kind.RETURN: -1.0, Kind.RATING: 1.0}
MATTER = (Kind.PURCHASE, Kind.RETURN)
UNIT_KINDS = st.sampled_from([Kind.PURCHASE, Kind.PURCHASE, Kind.RETURN, Kind.VIEW])

lines = st.builds(
    Event,
    event_id=st.just(""),
    user_id=st.sampled_from("ab"),
    item_id=st.sampled_from("xyz"),
    kind=UNIT_KINDS,
    at_ms=st.integers(0, 24 * 40).map(lambda hour: (NOW - 40) * DAY_MS + hour * HOUR_MS),
    quantity=st.integers(1, 3).map(float),
    price=st.sampled_from([1.0, 2.5]),
    order_id=st.none() | st.sampled_from(["o1", "o2"]),
)


def bought(item: str, days_ago: float, order: str | None = None, quantity: float = 1.0, user: str = "ann") -> Event:
    return Event("", user, item, Kind.PURCHASE, round((NOW - days_ago) * DAY_MS), quantity, 2.0, order)


def sent(item: str, days_ago: float, order: str | None = None, quantity: float = 1.0) -> Event:
    return bought(item, days_ago, order, quantity)._replace(kind=Kind.RETURN)


def dataset(events: list[Event]) -> Dataset:
    frame = read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")])
    return build_dataset(frame, [], now=NOW, weight_by_kind=WEIGHTS, never_show={})


def by_unit(events: list[Event]) -> list[Event]:
    """The same events with a line for each unit."""
    return [
        event._replace(quantity=1.0) if event.kind in MATTER else event
        for event in events
        for _ in range(int(event.quantity) if event.kind in MATTER else 1)
    ]


def counted(data: Interactions) -> list[tuple[int, float, int]]:
    histories = data.histories
    return list(zip(histories.item.tolist(), histories.at.tolist(), histories.kind.tolist(), strict=True))


@given(st.lists(lines, min_size=1, max_size=12))
def test_a_line_for_each_unit_changes_nothing_that_is_learnt_or_said(events: list[Event]) -> None:
    made = [dataset(each) for each in (events, by_unit(events))]
    whole, parts = (each.data for each in made)
    np.testing.assert_array_equal(made[0].catalogue.paid, made[1].catalogue.paid)
    np.testing.assert_array_equal(whole.histories.offsets, parts.histories.offsets)
    assert counted(whole) == counted(parts)
    np.testing.assert_array_equal(whole.basket, parts.basket)
    np.testing.assert_allclose(whole.value, parts.value)
    shares = [repeat_share(hold_out(data, 14, np.random.default_rng(0))) for data in (whole, parts)]
    assert shares[0] == shares[1]
    scores = [BuyAgain().fit(data, np.random.default_rng(0)).score(data.histories) for data in (whole, parts)]
    np.testing.assert_array_equal(scores[0], scores[1])
    own = [data.histories.take([0]).only(Kind.PURCHASE) for data in (whole, parts)]
    if len(own[0].item):
        said = [past_purchases(np.unique(history.item), history) for history in own]
        np.testing.assert_array_equal(said[0], said[1])


@given(st.lists(lines.filter(lambda event: event.kind == Kind.PURCHASE), min_size=1, max_size=12))
def test_as_many_purchases_are_left_as_there_are_occasions(events: list[Event]) -> None:
    occasions = {(e.user_id, e.item_id, e.order_id or e.at_ms // DAY_MS) for e in events}
    data = dataset(events).data
    assert len(data.histories.item) == len(occasions)
    assert data.value.sum() == pytest.approx(sum(e.quantity * (e.price or 0) for e in events))


@example([sent("x", 0.9), bought("x", 0.5, None, 2)])
@given(st.lists(lines.filter(lambda event: event.user_id == "a"), min_size=1, max_size=12))
def test_events_after_the_release_count_as_the_next_release_will_count_them(events: list[Event]) -> None:
    events = sorted(events, key=lambda event: event.at_ms)
    data = dataset(events).data
    nothing = replace(data.histories.where(np.zeros(len(data.histories.item), bool)))
    item = np.array(["xyz".index(event.item_id) for event in events], np.int32)
    kind = np.array([event.kind for event in events], np.int8)
    kept = is_counted(nothing, events, item.tolist(), kind.tolist())
    known = sorted({event.item_id for event in events})
    rows = [
        (known.index(e.item_id), e.at_ms / DAY_MS, int(e.kind))
        for e, is_kept in zip(events, kept, strict=True)
        if is_kept
    ]
    assert sorted(rows) == sorted(counted(data))


def test_an_order_whose_lines_bear_different_times_is_one_purchase_of_its_first_time() -> None:
    data = dataset([bought("x", 2, "o1"), bought("x", 3, "o1"), bought("x", 1, "o2")]).data
    assert data.histories.at.tolist() == [NOW - 3, NOW - 1]
    assert data.value.tolist() == [4.0, 2.0]


def test_two_orders_of_one_day_are_two_purchases_and_two_times_of_a_day_without_orders_are_one() -> None:
    assert len(dataset([bought("x", 0.5, "o1"), bought("x", 0.4, "o2")]).data.histories.item) == 2
    assert len(dataset([bought("x", 0.5), bought("x", 0.4)]).data.histories.item) == 1
    assert len(dataset([bought("x", 0.5), bought("x", 0.5, user="bob")]).data.histories.item) == 2


@pytest.mark.parametrize(
    ("events", "is_back"),
    [
        ([bought("x", 9, "o1"), sent("x", 5, "o1")], True),
        ([bought("x", 9, "o1", 3), sent("x", 5, "o1")], False),
        ([bought("x", 9, "o1", 3), sent("x", 5, "o1"), sent("x", 4, "o1", 2)], True),
        ([bought("x", 9, "o1"), bought("x", 9, "o1"), sent("x", 5, "o1"), sent("x", 4, "o1")], True),
        ([bought("x", 9), sent("x", 5)], True),
        ([bought("x", 9, "o1"), sent("x", 5, "credit-note-7")], True),
        ([bought("x", 9, "o1"), sent("x", 5, "o1"), bought("x", 2, "o2")], False),
        ([bought("x", 9, "o1"), bought("x", 8, "o2"), sent("x", 5, "o1")], False),
        ([bought("x", 9, "o1"), bought("x", 8, "o2"), sent("x", 5, "o1"), sent("x", 4, "o2")], True),
        ([sent("x", 5, "before-the-log")], True),
    ],
)
def test_an_item_is_sent_back_when_all_that_was_bought_of_it_is_back(events: list[Event], is_back: bool) -> None:
    history = dataset([*events, bought("w", 3)]).data.histories
    assert sent_back_items(history).tolist() == [1] * is_back
    liked = history.without_sent_back()
    assert set(liked.item[liked.weight > 0].tolist()) == ({0} if is_back else {0, 1})


def test_a_history_without_returns_stays_itself() -> None:
    history = dataset([bought("x", 3)]).data.histories
    assert history.without_sent_back() is history


def test_purchases_of_an_occasion_that_the_release_holds_do_not_count_again() -> None:
    history = dataset([bought("x", 3.25), bought("y", 2, "o1")]).data.histories
    later = [bought("x", 3.5), bought("x", 1.5), bought("y", 2, "o1"), bought("y", 1.9, "o2")]
    counts = is_counted(history, later, [0, 0, 1, 1], [Kind.PURCHASE] * 4)
    assert counts == [False, True, False, True]


def test_customers_with_one_order_of_two_equal_lines_bought_nothing_again() -> None:
    events = [bought(f"i{u % 40}", 1 + u % 90, f"o{u}", user=f"c{u}") for u in range(400) for _ in range(1 + (u < 300))]
    data = dataset(events).data
    for split in ("weeks", "visit", "chance"):
        assert repeat_share(hold_out(data, 28, np.random.default_rng(0), split=split)) == 0.0
