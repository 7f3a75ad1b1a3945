"""Validation of the lines of an import: for each line, the first reason to refuse it, or null."""

from collections.abc import Iterator, Sequence

import polars as pl
import polars.selectors as cs

from recsys.data.checks.per_line import CLOCK_SKEW_MS, EARLIEST_MS
from recsys.data.events import Kind
from recsys.data.facts import MAX_TEXT
from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.timestamps import AMBIGUOUS
from recsys.data.store.validation import MAX_ID, MAX_NUMBER, MAX_RATING

CONTROL = r"[\x00-\x1f\x7f]"
IDS = ("event_id", "user_id", "item_id", "order_id", "channel", "coupon", "campaign")
NESTED = r"""^(?s:\{\s*["}].*\}|\[\s*["{\[\]\d-].*\]|\[\])$"""  # JSON
ROUNDED = "that a spreadsheet rounded, such as 1.23E+12: its digits are lost; export the column as text"
TWO_ORDERS = "a date whose day and month cannot be told apart"

NO_ROW = "the line does not parse"


def event_fault(now_ms: int, mapping: ColumnMapping) -> pl.Expr:
    """The reason an event is refused, null for a good one; over the columns of `events.event_columns`."""
    at, kind = pl.col("at_ms"), pl.col("kind")
    is_purchase, is_rating = kind == Kind.PURCHASE, kind == Kind.RATING
    return first_reason(
        (pl.col("user_id").is_null(), "no user_id"),
        (pl.col("item_id").is_null(), "no item_id"),
        *_not_plain(IDS, mapping),
        *map(_rounded, IDS),
        _bad_id(*IDS),
        (kind.is_null() & ~pl.col("kind_given"), "no kind"),
        (kind.is_null(), "an unknown kind"),
        (at.is_null() & ~pl.col("at_given"), "no time"),
        (pl.col("at_rounded_given"), f"a time {ROUNDED}"),
        (pl.col("at:doubt") == AMBIGUOUS, TWO_ORDERS),
        (at.is_null(), "a time that cannot be read"),
        (at > now_ms + CLOCK_SKEW_MS, "a time in the future"),
        (at < EARLIEST_MS, "a time before 1990"),
        (_is_not_finite("quantity"), "a quantity that is no finite number"),
        (is_purchase & (pl.col("quantity") <= 0), "a purchase with a quantity of 0 or less"),
        (_is_not_finite("price"), "a price or amount that is no finite number"),
        (pl.col("price") < 0, "a price below 0"),
        (_is_not_finite("discount"), "a discount that is no finite number"),
        _too_large("quantity", "price"),
        _too_large("discount"),
        (is_rating & _is_not_finite("rating"), "a rating that is no finite number"),
        (is_rating & pl.col("rating").is_null(), "a rating without its value"),
        (is_rating & (pl.col("rating").abs() > MAX_RATING), f"a rating above {MAX_RATING:,.0f}"),
    )


def fact_line_fault(now_ms: int, mapping: ColumnMapping) -> pl.Expr:
    """The reason a fact is refused, null for a good one; over the columns of `facts.fact_columns`."""
    ids, at = ("fact_id", "user_id", "ref", "channel"), pl.col("at_ms")
    return first_reason(
        (pl.col("user_id").is_null(), "no user_id"),
        *_not_plain((*ids, "text"), mapping),
        *map(_rounded, ids),
        _bad_id(*ids),
        (pl.col("text").str.len_chars() > MAX_TEXT, f"a text of more than {MAX_TEXT} characters"),
        (pl.col("text").str.contains("\x00", literal=True), "a text with NUL"),
        (pl.col("kind").is_null() & ~pl.col("kind_given"), "no kind"),
        (pl.col("kind").is_null(), "an unknown kind"),
        (at.is_null() & ~pl.col("at_given"), "no time"),
        (pl.col("at:doubt") == AMBIGUOUS, TWO_ORDERS),
        (at.is_null(), "a time that cannot be read"),
        (at > now_ms + CLOCK_SKEW_MS, "a time in the future"),
        (at < EARLIEST_MS, "a time before 1990"),
        (_is_not_finite("value"), "a value that is no finite number"),
        _too_large("value"),
    )


def item_fault(mapping: ColumnMapping) -> pl.Expr:
    """The reason an item is refused, null for a good one; over the columns of `entities.item_columns`."""
    opens, closes = pl.col("available_from_ms"), pl.col("available_until_ms")
    return first_reason(
        (pl.col("item_id").is_null(), "no item_id"),
        *_not_plain(("item_id", "name", "category", "brand"), mapping),
        _rounded("item_id"),
        _bad_id("item_id"),
        (_is_not_finite("price"), "a price that is no finite number"),
        (pl.col("price") < 0, "a price below 0"),
        (_is_not_finite("stock"), "a stock that is no finite number"),
        (_is_not_finite("cost"), "a cost that is no finite number"),
        (pl.col("cost") < 0, "a cost below 0"),
        _too_large("price", "stock"),
        _too_large("cost"),
        (pl.any_horizontal(cs.ends_with(":doubt") == AMBIGUOUS), TWO_ORDERS),
        (opens.is_null() & pl.col("available_from_given"), "an available_from that cannot be read"),
        (closes.is_null() & pl.col("available_until_given"), "an available_until that cannot be read"),
        (opens > closes, "available_until before available_from"),
    )


def user_fault(mapping: ColumnMapping) -> pl.Expr:
    """The reason a customer is refused, null for a good one."""
    return first_reason(
        (pl.col("user_id").is_null(), "no user_id"),
        *_not_plain(("user_id",), mapping),
        _rounded("user_id"),
        _bad_id("user_id"),
    )


def first_reason(*cases: tuple[pl.Expr, str]) -> pl.Expr:
    """The reason of the first condition that holds, null when none does; a null condition does not hold."""
    return pl.coalesce(pl.when(holds.fill_null(False)).then(pl.lit(reason)) for holds, reason in cases)


def is_rounded(text: pl.Expr) -> pl.Expr:
    """Whether the text is a number whose last digits a spreadsheet dropped: 4.00638E+12."""
    return text.str.contains(r"^\d(\.\d+)?[eE]\+?\d{2}$").fill_null(False)


def _bad_id(*names: str) -> tuple[pl.Expr, str]:
    columns = [pl.col(name) for name in names]
    bad = [((id_.str.len_chars() > MAX_ID) | id_.str.contains(CONTROL)).fill_null(False) for id_ in columns]
    return pl.any_horizontal(bad), f"an id longer than {MAX_ID} characters, or with a control character"


def _rounded(name: str) -> tuple[pl.Expr, str]:
    return is_rounded(pl.col(name)), f"{name}: an id {ROUNDED}"


def _not_plain(names: Sequence[str], mapping: ColumnMapping) -> Iterator[tuple[pl.Expr, str]]:
    """For each target: the value is a list or an object; the reason says how to read it."""
    for name in names:
        column = mapping.column.get(name, name)
        yield (
            pl.col(name).str.contains(NESTED).fill_null(False),
            f"{name}: a list or an object in the column {column}; spread a list out with --explode {column}, or map "
            f"a part of it: --map {name}={column}.0 or {name}={column}.KEY",
        )


def _is_not_finite(name: str) -> pl.Expr:
    """Given, and not a finite number."""
    return (pl.col(name).is_null() & pl.col(f"{name}_given")) | ~pl.col(name).is_finite()


def _too_large(*names: str) -> tuple[pl.Expr, str]:
    large = pl.any_horizontal((pl.col(name).abs() > MAX_NUMBER).fill_null(False) for name in names)
    return large, f"a {' or '.join(names)} above {MAX_NUMBER:,.0f}"
