"""Each check of a whole dataset counts exactly what is odd."""

from collections.abc import Sequence

import numpy as np
import pytest

from recsys.data.checks import per_line
from recsys.data.checks.finding import Finding
from recsys.data.checks.per_dataset import dataset_checks
from recsys.data.checks.per_line import LINE_SCHEMA, with_categorical_ids
from recsys.time_units import DAY_MS
from tests.recsys.data.checks.test_per_line import NOW_MS, START_MS, Row, days_of, frame, purchase


def checked(rows: Sequence[Row], now_ms: int = NOW_MS) -> dict[str, Finding]:
    lines = with_categorical_ids(frame([dict.fromkeys(LINE_SCHEMA) | row for row in rows]))
    return {finding.name: finding for finding in dataset_checks(lines, now_ms)}


def test_equal_lines_count_beyond_the_first_and_other_orders_are_other_lines() -> None:
    rows = [purchase(order_id="a")] * 3 + [purchase(order_id="b"), purchase(), purchase(quantity=2.0)]
    result = checked(rows)["duplicates"]
    assert (result.count, result.severity, len(result.examples)) == (3, "look", 3)


def test_a_large_log_is_compared_part_by_part_with_the_same_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    numbers = zip(*rng.integers(0, [[9], [4], [3], [90]], (4, 400)).tolist(), strict=True)
    rows = [
        purchase(user_id=f"u{user}", item_id=f"i{item}", order_id=f"o{order}", at_ms=START_MS + day * DAY_MS)
        for user, item, order, day in numbers
    ]
    whole = checked(rows)
    monkeypatch.setattr(per_line, "PART_LINES", 50)
    assert checked(rows) == whole
    assert whole["duplicates"].count > 0


def test_a_customer_with_more_events_on_a_day_than_a_person_can_do_is_a_robot() -> None:
    people = [purchase(user_id=f"u{n % 50}", at_ms=START_MS + n * DAY_MS // 50) for n in range(2_000)]
    crawler = [purchase(user_id="crawler", item_id=f"i{n}", at_ms=START_MS + n) for n in range(1_000)]
    result = checked(people + crawler)["robots"]
    assert (result.count, result.severity) == (1_000, "look")
    assert result.examples == ("customer crawler: 1,000 events on one day, 1,000 in all",)
    assert checked(people)["robots"].count == 0


def test_a_customer_with_far_more_than_anybody_is_named() -> None:
    people = [purchase(user_id=f"u{n % 50}", at_ms=START_MS + n * DAY_MS) for n in range(1_000)]
    everybody = [purchase(user_id="house", at_ms=START_MS + n * DAY_MS) for n in range(200)]
    result = checked(people + everybody)["busiest_customer"]
    assert (result.count, result.severity) == (200, "look")
    assert "--guest house" in result.advice
    assert checked(people)["busiest_customer"].severity == "ok"


def test_a_shop_whose_customers_are_all_busy_has_no_robots() -> None:
    rows = [purchase(user_id=f"u{n % 20}", at_ms=START_MS + n) for n in range(20 * 400)]
    assert checked(rows)["robots"].count == 0


def test_a_log_mostly_of_one_robot_stops_training() -> None:
    people = [purchase(user_id=f"u{n}") for n in range(50)]
    crawler = [purchase(user_id="crawler", at_ms=START_MS + n) for n in range(400)]
    assert checked(people + crawler)["robots"].severity == "stop"


def test_an_item_with_a_large_share_of_all_events_is_named() -> None:
    rows = [purchase(item_id=f"i{n % 40}", user_id=f"u{n}") for n in range(400)]
    assert checked(rows)["concentration"].severity == "ok"
    result = checked(rows + [purchase(item_id="bag", user_id=f"u{n}") for n in range(400)])["concentration"]
    assert (result.count, result.total, result.severity) == (400, 800, "look")
    assert "bag" in result.message


def test_the_repeat_share_counts_late_purchases_that_were_bought_before() -> None:
    late = START_MS + 100 * DAY_MS
    before = [purchase(item_id="milk"), purchase(item_id="salt")]
    after = [purchase(item_id=item, at_ms=late) for item in ("milk", "milk", "tea", "rum", "oil")]
    result = checked(before + after)["repeat_share"]
    assert (result.count, result.total, result.severity) == (1, 4, "ok")


def test_a_partial_53rd_week_is_found() -> None:
    result = checked(days_of(366))["last_week"]
    assert (result.count, result.severity) == (2, "look")
    assert "53rd week" in result.message
    assert "2 of 7 days" in result.message
    assert checked(days_of(364))["last_week"].severity == "ok"


def test_a_log_that_goes_on_may_end_in_the_middle_of_a_week() -> None:
    assert checked(days_of(366), now_ms=START_MS + 367 * DAY_MS)["last_week"].severity == "ok"


def test_an_order_whose_lines_lie_on_two_sides_of_the_last_weeks_is_no_repeat() -> None:
    late, early = START_MS + 60 * DAY_MS, START_MS + 31 * DAY_MS
    last = purchase(user_id="last", order_id="z", at_ms=late)
    lines = [purchase(order_id="a", at_ms=early), purchase(order_id="a", at_ms=early + 2 * DAY_MS), last]
    assert checked(lines)["repeat_share"].count == 0
    other = [lines[0], lines[1] | {"order_id": "b"}, last]
    assert checked(other)["repeat_share"].count == 1


def test_an_order_of_a_line_for_each_unit_is_no_robot_no_giant_and_no_popular_item() -> None:
    people = [purchase(user_id=f"u{n % 50}", item_id=f"i{n % 40}", at_ms=START_MS + n * DAY_MS) for n in range(200)]
    kitchen = [purchase(user_id="kitchen", item_id="cup", order_id="o", at_ms=START_MS)] * 400
    result = checked(people + kitchen)
    names = ("robots", "busiest_customer", "concentration")
    assert [result[name].severity for name in names] == ["ok"] * 3
    assert [result[name].total for name in names] == [201] * 3
