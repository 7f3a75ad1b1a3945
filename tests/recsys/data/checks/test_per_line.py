"""An odd line is counted once, and a usual line is not counted."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.data.checks.finding import Finding
from recsys.data.checks.per_line import EARLIEST_MS, LINE_SCHEMA, LineCounts
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
def test_an_odd_line_is_counted_once_with_an_example_and_advice(name: str, odd: Row) -> None:
    result = counted([purchase()] * 7 + [purchase(**odd)], known=["i"])
    assert (result[name].count, result[name].total, result[name].severity) == (1, 8, "look")
    assert len(result[name].examples) == 1
    assert result[name].advice
    assert {other.count for other in result.values() if other.name != name} == {0}


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
def test_a_value_at_the_limit_or_a_missing_one_is_not_odd(usual: Row) -> None:
    assert {finding.count for finding in counted([purchase(**usual)], known=["i"]).values()} == {0}


def test_more_wrong_lines_than_right_ones_stop_training() -> None:
    rows = [purchase(item_id="of another shop")] * 3 + [purchase()] * 2
    assert counted(rows, known=["i"])["item_not_in_catalogue"].severity == "stop"
    assert counted([purchase(fault="no user_id")] * 2 + [purchase()])["refused"].severity == "stop"


def test_a_shop_without_prices_may_go_on() -> None:
    assert counted([purchase(sale=0.0)] * 3)["sale_zero"].severity == "look"


def test_without_a_catalogue_items_are_not_checked() -> None:
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
    assert {name: result.count for name, result in at_once.items()} == {
        name: result.count for name, result in piecewise.items()
    }
    assert all(len(result.examples) == min(3, result.count) for name, result in at_once.items() if name != "refused")
    assert at_once["quantity_absurd"].count == sum(row["quantity"] == 5_000.0 for row in odd)
