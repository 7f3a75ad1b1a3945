"""Each feature has a finding with the count that it needs and the count that there is."""

from collections.abc import Sequence

from recsys.data.checks.finding import Finding, worst_severity
from recsys.data.checks.per_dataset import dataset_checks
from recsys.data.checks.per_line import LINE_SCHEMA, with_categorical_ids
from recsys.data.checks.requirements import requirement_findings
from recsys.data.entities import Item
from recsys.data.events import Kind
from recsys.time_units import DAY_MS
from tests.recsys.data.checks.test_per_line import START_MS, Row, days_of, frame, purchase


def requirements(rows: Sequence[Row], items: Sequence[Item] | None) -> dict[str, Finding]:
    lines = with_categorical_ids(frame([dict.fromkeys(LINE_SCHEMA) | row for row in rows]))
    return {finding.name.removeprefix("need_"): finding for finding in requirement_findings(lines, items)}


def test_an_empty_log_stops_training() -> None:
    result = requirements([], None)
    assert result["popular"].severity == "stop"
    assert worst_severity(result.values()) == "stop"
    assert dataset_checks(LINE_SCHEMA.to_frame(), 0) == []


def test_each_feature_has_the_count_of_what_it_needs() -> None:
    rows = [
        purchase(user_id=f"u{user}", item_id=item, at_ms=START_MS + day * DAY_MS, order_id=f"{user}-{day}")
        for user in range(31)
        for day in (0, 40)
        for item in ("milk", "bread")
    ]
    result = requirements(
        rows, [Item("milk", category="dairy"), Item("bread"), Item("old", category="x", deleted=True)]
    )
    assert {name: finding.count for name, finding in result.items()} == {
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
    assert [name for name, finding in result.items() if finding.severity != "ok"] == ["bought_together"]
    assert "order_id" in result["bought_together"].advice


def test_views_alone_teach_no_baskets_and_nothing_bought_again() -> None:
    result = requirements([row | {"kind": int(Kind.VIEW), "sale": None} for row in days_of(100)], None)
    assert {result[name].count for name in ("buy_again", "bought_together", "prices")} == {0}
    assert result["buy_again"].severity == "look"


def test_an_order_that_was_written_on_two_days_is_no_purchase_again() -> None:
    days = [
        purchase(user_id=f"u{user}", order_id=order, at_ms=START_MS + day * DAY_MS)
        for user, second in enumerate("ab")
        for day, order in enumerate(("a", second))
    ]
    assert requirements(days, None)["buy_again"].count == 1
