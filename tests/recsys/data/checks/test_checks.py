"""What is odd about planted lines is named with its exact count, and what is usual is left in peace."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.checks.finding import SEVERITIES, Finding, worst
from recsys.data.checks.per_dataset import whole_checks
from recsys.data.checks.per_line import EARLIEST_MS, LINE_SCHEMA, LineCounts, compact
from recsys.data.checks.requirements import requirement_findings
from recsys.data.entities import Item
from recsys.data.events import Kind
from recsys.time_units import DAY_MS

START_MS = 17_000 * DAY_MS
NOW_MS = 18_000 * DAY_MS
Row = dict[str, object]


def purchase(**more: object) -> Row:
    usual = {"user_id": "u", "item_id": "i", "kind": int(Kind.PURCHASE), "at_ms": START_MS, "quantity": 1.0}
    return {**usual, "sale": 2.0, **more}


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LINE_SCHEMA, orient="row") if rows else LINE_SCHEMA.to_frame()


def counted(rows: Sequence[Row], known: Sequence[str] | None = None, pieces: int = 1) -> dict[str, Finding]:
    counts = LineCounts(NOW_MS, known)
    whole = frame([dict.fromkeys(LINE_SCHEMA) | row for row in rows])
    for piece in range(pieces):
        counts.add(whole.gather_every(pieces, piece))
    return {finding.name: finding for finding in counts.findings()}


def whole(rows: Sequence[Row], now_ms: int = NOW_MS) -> dict[str, Finding]:
    lines = compact(frame([dict.fromkeys(LINE_SCHEMA) | row for row in rows]))
    return {finding.name: finding for finding in whole_checks(lines, now_ms)}


def days_of(n: int, **more: object) -> list[Row]:
    return [
        purchase(user_id=f"u{day % 7}", item_id=f"i{day % 5}", at_ms=START_MS + day * DAY_MS) | more for day in range(n)
    ]


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("quantity_not_positive", {"quantity": 0.0}),
        ("quantity_not_positive", {"quantity": -2.0}),
        ("quantity_absurd", {"quantity": 1_000.5}),
        ("sale_zero", {"sale": 0.0}),
        ("time_in_the_future", {"at_ms": NOW_MS + DAY_MS}),
        ("time_of_1970", {"at_ms": 0}),
        ("time_of_1970", {"at_ms": 1_483_281_964}),
        ("time_before_1990", {"at_ms": EARLIEST_MS - 1}),
        ("time_before_1990", {"at_ms": -1}),
        ("item_not_in_catalogue", {"item_id": "nobody knows it"}),
        ("refused", {"fault": "a reason"}),
    ],
)
def test_an_odd_line_is_counted_once_shown_and_says_what_to_do(name: str, odd: Row) -> None:
    found = counted([purchase()] * 7 + [purchase(**odd)], known=["i"])
    assert (found[name].count, found[name].total, found[name].severity) == (1, 8, "look")
    assert len(found[name].examples) == 1
    assert found[name].advice
    assert {other.count for other in found.values() if other.name != name} == {0}


@pytest.mark.parametrize(
    "usual",
    [
        {"quantity": 1_000.0},
        {"sale": None},
        {"at_ms": NOW_MS},
        {"at_ms": EARLIEST_MS},
        {"kind": int(Kind.RETURN), "quantity": -1.0},
        {"kind": int(Kind.VIEW), "sale": 0.0},
        {"item_id": None},
        {"kind": None, "quantity": None, "at_ms": None},
    ],
)
def test_what_stands_at_the_border_or_is_not_there_is_not_odd(usual: Row) -> None:
    assert {finding.count for finding in counted([purchase(**usual)], known=["i"]).values()} == {0}


def test_more_wrong_lines_than_right_ones_say_stop() -> None:
    rows = [purchase(item_id="of another shop")] * 3 + [purchase()] * 2
    assert counted(rows, known=["i"])["item_not_in_catalogue"].severity == "stop"
    assert counted([purchase(fault="no user_id")] * 2 + [purchase()])["refused"].severity == "stop"


def test_a_shop_without_prices_may_go_on() -> None:
    assert counted([purchase(sale=0.0)] * 3)["sale_zero"].severity == "look"


def test_without_a_catalogue_no_line_is_asked_for_its_item() -> None:
    assert "item_not_in_catalogue" not in counted([purchase()])


values = st.fixed_dictionaries(
    {
        "quantity": st.sampled_from([None, -1.0, 0.0, 1.0, 5_000.0]),
        "sale": st.sampled_from([None, 0.0, 3.0]),
        "at_ms": st.sampled_from([None, -1, 0, START_MS, NOW_MS + DAY_MS]),
        "item_id": st.sampled_from([None, "i", "j"]),
        "fault": st.sampled_from([None, "a reason", "another"]),
    }
)


@given(st.lists(values, max_size=30), st.integers(1, 4))
def test_lines_counted_in_pieces_are_counted_as_at_once(odd: list[Row], pieces: int) -> None:
    rows = [purchase(**row) for row in odd]
    at_once, piecewise = counted(rows, ["i"]), counted(rows, ["i"], pieces)
    assert {name: found.count for name, found in at_once.items()} == {
        name: found.count for name, found in piecewise.items()
    }
    assert all(len(found.examples) == min(3, found.count) for name, found in at_once.items() if name != "refused")
    assert at_once["quantity_absurd"].count == sum(row["quantity"] == 5_000.0 for row in odd)


def test_equal_lines_count_beyond_the_first_and_other_orders_are_other_lines() -> None:
    rows = [purchase(order_id="a")] * 3 + [purchase(order_id="b"), purchase(), purchase(quantity=2.0)]
    found = whole(rows)["duplicates"]
    assert (found.count, found.severity, len(found.examples)) == (3, "look", 3)


def test_who_does_more_on_a_day_than_a_person_can_is_a_robot() -> None:
    people = [purchase(user_id=f"u{n % 50}", at_ms=START_MS + n * DAY_MS // 50) for n in range(2_000)]
    crawler = [purchase(user_id="crawler", item_id=f"i{n}", at_ms=START_MS + n) for n in range(1_000)]
    found = whole(people + crawler)["robots"]
    assert (found.count, found.severity) == (1_000, "look")
    assert found.examples == ("customer crawler: 1,000 events on one day, 1,000 in all",)
    assert whole(people)["robots"].count == 0


def test_a_shop_whose_customers_are_all_busy_has_no_robots() -> None:
    rows = [purchase(user_id=f"u{n % 20}", at_ms=START_MS + n) for n in range(20 * 400)]
    assert whole(rows)["robots"].count == 0


def test_a_log_that_is_mostly_one_robot_says_stop() -> None:
    people = [purchase(user_id=f"u{n}") for n in range(50)]
    crawler = [purchase(user_id="crawler", at_ms=START_MS + n) for n in range(400)]
    assert whole(people + crawler)["robots"].severity == "stop"


def test_an_item_that_everybody_takes_is_named() -> None:
    rows = [purchase(item_id=f"i{n % 40}", at_ms=START_MS + n) for n in range(400)]
    assert whole(rows)["concentration"].severity == "ok"
    found = whole(rows + [purchase(item_id="bag", at_ms=START_MS + n) for n in range(400)])["concentration"]
    assert (found.count, found.total, found.severity) == (400, 800, "look")
    assert "bag" in found.says


def test_the_repeat_share_is_what_was_bought_before_of_what_was_bought_late() -> None:
    late = START_MS + 100 * DAY_MS
    before = [purchase(item_id="milk"), purchase(item_id="salt")]
    after = [purchase(item_id=item, at_ms=late) for item in ("milk", "milk", "tea", "rum", "oil")]
    found = whole(before + after)["repeat_share"]
    assert (found.count, found.total, found.severity) == (1, 4, "ok")


def test_a_stub_of_a_53rd_week_is_named() -> None:
    found = whole(days_of(366))["last_week"]
    assert (found.count, found.severity) == (2, "look")
    assert "53rd week" in found.says
    assert "2 of 7 days" in found.says
    assert whole(days_of(364))["last_week"].severity == "ok"


def test_a_log_that_goes_on_may_end_in_the_middle_of_a_week() -> None:
    assert whole(days_of(366), now_ms=START_MS + 367 * DAY_MS)["last_week"].severity == "ok"


def lacking(rows: Sequence[Row], items: Sequence[Item] | None) -> dict[str, Finding]:
    lines = compact(frame([dict.fromkeys(LINE_SCHEMA) | row for row in rows]))
    return {finding.name.removeprefix("need_"): finding for finding in requirement_findings(lines, items)}


def test_an_empty_log_says_stop_and_that_nothing_can_be_learnt() -> None:
    found = lacking([], None)
    assert found["popular"].severity == "stop"
    assert worst(found.values()) == "stop"
    assert whole([]) == {}


def test_each_part_says_what_it_has_and_what_it_lacks() -> None:
    rows = [
        purchase(user_id=f"u{user}", item_id=item, at_ms=START_MS + day * DAY_MS, order_id=f"{user}-{day}")
        for user in range(31)
        for day in (0, 40)
        for item in ("milk", "bread")
    ]
    found = lacking(rows, [Item("milk", category="dairy"), Item("bread"), Item("old", category="x", deleted=True)])
    assert {name: finding.count for name, finding in found.items()} == {
        "popular": 124,
        "trending": 41,
        "personal": 31,
        "buy_again": 31,
        "bought_together": 62,
        "judging": 31,
        "categories": 1,
        "new_items": 1,
        "prices": 124,
    }
    assert [name for name, finding in found.items() if finding.severity != "ok"] == ["bought_together"]
    assert "order_id" in found["bought_together"].advice


def test_views_alone_teach_no_baskets_and_nothing_bought_again() -> None:
    found = lacking([row | {"kind": int(Kind.VIEW), "sale": None} for row in days_of(100)], None)
    assert {found[name].count for name in ("buy_again", "bought_together", "prices")} == {0}
    assert found["buy_again"].severity == "look"


@given(st.lists(st.sampled_from(SEVERITIES)))
def test_the_worst_of_all_is_the_verdict(severities: list[str]) -> None:
    found = worst(Finding("x", severity, "") for severity in severities)  # type: ignore[arg-type]
    assert found == max(severities, key=("ok", "look", "stop").index, default="ok")
