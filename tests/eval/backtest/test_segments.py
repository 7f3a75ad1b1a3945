"""Segments depend only on what was known at the cut, and no group is too small to be shown."""

import numpy as np
import polars as pl
import pytest

from eval.backtest.records import Records, attribute_labels, label_codes, segment_attribute
from eval.backtest.segments import ACTIVITY, MOST_GROUPS, OTHERS, build_segments, largest_groups
from recsys.customers.population import MIN_GROUP
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.entities import Item, User
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.data.ids import IdMap
from recsys.errors import BadInput
from recsys.testing import NOW
from recsys.time_units import DAY_MS


def bought(user: str, item: str, days_ago: float, *, order: str | None = None, price: float = 1.0) -> Event:
    at_ms = int((NOW - days_ago) * DAY_MS)
    return Event(f"{user}-{item}-{days_ago}", user, item, Kind.PURCHASE, at_ms, 1.0, price, order)


def records_of(events: list[Event], items: tuple[Item, ...] = (), users: tuple[User, ...] = ()) -> Records:
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    visits = frame.select("user_id", "at_ms", "channel").drop_nulls()
    return Records(Snapshot(read_events([frame]), list(items), len(events), 1), users, visits)


def shop_of_twenty() -> Records:
    """Customer u00 bought once, u01 twice, ... u19 twenty times, each the longer ago the fewer."""
    events = [bought(f"u{u:02}", f"i{n}", 20 - u + n, price=1.0 + u) for u in range(20) for n in range(u + 1)]
    return records_of(events)


USERS = [f"u{u:02}" for u in range(20)]


def test_the_lightest_tenth_stands_apart_and_the_rest_in_equal_parts() -> None:
    activity = build_segments(shop_of_twenty(), USERS, NOW, None)["activity"]
    assert [activity.count(name) for name in ACTIVITY] == [2, 6, 6, 6]
    assert activity[:2] == [ACTIVITY[0]] * 2
    assert activity[-6:] == [ACTIVITY[3]] * 6


def test_customers_who_bought_as_much_stand_in_the_same_part() -> None:
    records = records_of([bought(user, "i0", 3) for user in USERS])
    assert len(set(build_segments(records, USERS, NOW, None)["activity"])) == 1


def test_a_first_purchase_a_month_ago_makes_a_returning_customer_and_a_later_one_a_new_customer() -> None:
    records = records_of([bought("old", "i0", 40), bought("old", "i0", 2), bought("young", "i0", 27)])
    assert build_segments(records, ["old", "young"], NOW, None)["new or returning"] == ["returning", "new"]


def test_best_customers_are_those_who_come_often_lately_and_spend() -> None:
    segments = build_segments(shop_of_twenty(), USERS, NOW, None)["recency, frequency, value"]
    assert segments[0] == "lowest standing"
    assert segments[-1] == "highest standing"


def test_a_line_for_each_unit_makes_nobody_a_heavier_buyer() -> None:
    whole = [bought(f"u{u:02}", f"i{n}", 20 - u + n, order=f"o{n}") for u in range(20) for n in range(u + 1)]
    parts = [event for event in whole for _ in range(9 if event.user_id < "u03" else 1)]
    free = [event._replace(price=0.0) for event in parts]
    for name in ("activity", "frequency"):
        expected = build_segments(records_of(whole), USERS, NOW, None)[name]
        assert build_segments(records_of(free), USERS, NOW, None)[name] == expected


def test_lines_of_one_order_are_one_visit() -> None:
    many = [bought("busy", f"i{n}", 5, order="one") for n in range(9)]
    often = [bought("often", "i0", days, order=f"o{days}") for days in (3, 5, 7)]
    other = [bought("other", "i0", days, order=f"p{days}") for days in (3, 5)]
    segments = build_segments(records_of([*many, *often, *other]), ["busy", "other", "often"], NOW, None)
    assert segments["frequency"] == ["seldom", "now and then", "often"]


def test_a_customer_belongs_to_the_category_and_the_channel_seen_most() -> None:
    items = (Item("i0", category="bread"), Item("i1", category="wine"), Item("i2"))
    events = [bought("u", "i0", 1), bought("u", "i1", 2), bought("u", "i1", 3), bought("v", "i2", 1)]
    in_stores = [event._replace(channel="web" if event.item_id == "i0" else "shop") for event in events]
    segments = build_segments(records_of(in_stores, items), ["u", "v", "w"], NOW, None)
    assert segments["top category"] == ["wine", None, None]
    assert segments["channel"] == ["shop", "shop", None]


def test_a_shop_without_channels_has_no_such_slice() -> None:
    assert "channel" not in build_segments(shop_of_twenty(), USERS, NOW, None)


def test_an_attribute_is_a_slice_of_its_own() -> None:
    users = (User("u", {"age": "young"}), User("v", {"age": None}))
    segments = build_segments(records_of([bought("u", "i0", 1)], users=users), ["u", "v"], NOW, "age")
    assert segments["customer's age"] == ["young", None]


def test_only_the_largest_groups_have_names_and_nobody_with_a_label_is_lost() -> None:
    labels = [f"store-{at}" for at in range(MOST_GROUPS + 3) for _ in range(at + 1)]
    groups = largest_groups([[*labels, None], labels])
    assert len(groups) == MOST_GROUPS + 1
    assert next(iter(groups)) == f"store-{MOST_GROUPS + 2}"
    for window, n in ((0, len(labels) + 1), (1, len(labels))):
        members = np.array([group[window] for group in groups.values()])
        assert members.shape[1] == n
        assert members.sum(axis=0).tolist() == [1] * len(labels) + [0] * (n - len(labels))
    assert groups[OTHERS][1].sum() == 1 + 2 + 3


def test_a_group_that_one_window_lacks_is_empty_there() -> None:
    groups = largest_groups([["web", "shop"], ["shop", "shop"]])
    assert groups["web"][1].tolist() == [False, False]


def test_the_smallest_group_shown_has_customers_enough_to_hide_in() -> None:
    assert MIN_GROUP >= 20


@pytest.mark.parametrize(
    ("attributes", "chosen"),
    [
        ([{"age": "a", "city": "x"}, {"age": "b", "city": "y"}, {"city": "x"}], "city"),
        ([{"age": "a"}, {"age": "a"}], None),
        ([{"name": f"n{at}"} for at in range(30)], None),
        ([{"b": "1", "a": "1"}, {"b": "2", "a": "2"}], "a"),
        ([{"age": None}, {}], None),
    ],
)
def test_the_attribute_that_most_customers_have_divides_them(
    attributes: list[dict[str, str]], chosen: str | None
) -> None:
    users = [User(f"u{at}", own) for at, own in enumerate(attributes)]
    assert segment_attribute(users, None) == chosen


def test_a_chosen_attribute_is_taken_and_an_unknown_one_is_refused() -> None:
    users = [User("u", {"age": "old", "city": "x"}), User("v", {"city": "y"})]
    assert segment_attribute(users, "age") == "age"
    with pytest.raises(BadInput, match="'aged'.*age"):
        segment_attribute(users, "aged")


def test_codes_follow_the_labels_and_0_is_for_who_has_none() -> None:
    labels = attribute_labels([User("b", {"age": "old"}), User("a", {"age": "new"}), User("c", {"age": None})], "age")
    assert label_codes(IdMap.from_ids(["a", "b", "c"]), labels).tolist() == [1, 2, 0]


def test_lines_of_one_order_make_neither_a_top_category_nor_a_channel() -> None:
    items = (Item("cup", category="kitchen"), Item("tea", category="food"), Item("jam", category="food"))
    cups = [bought("ann", "cup", 9, order="o")._replace(channel="store")] * 5
    food = [bought("ann", item, ago)._replace(channel="web") for item, ago in (("tea", 5), ("jam", 3))]
    segments = build_segments(records_of([*cups, *food], items), ["ann"], NOW, None)
    assert [segments[name] for name in ("top category", "channel")] == [["food"], ["web"]]
