"""Validation of the lines of an import: the first reason that applies, in words, or null."""

import polars as pl

from recsys.data.checks.per_line import CLOCK_SKEW_MS, EARLIEST_MS
from recsys.data.events import Kind
from recsys.data.store.validation import MAX_ID, MAX_NUMBER, MAX_RATING

CONTROL = r"[\x00-\x1f\x7f]"
IDS = ("event_id", "user_id", "item_id", "order_id", "channel")

NO_ROW = "the line does not parse"


def event_fault(now_ms: int) -> pl.Expr:
    """The reason an event is refused, null for a good one; over the columns of `events.event_columns`."""
    at, kind = pl.col("at_ms"), pl.col("kind")
    is_purchase, is_rating = kind == Kind.PURCHASE, kind == Kind.RATING
    return first_reason(
        (pl.col("user_id").is_null(), "no user_id"),
        (pl.col("item_id").is_null(), "no item_id"),
        (has_bad_id(*IDS), f"an id longer than {MAX_ID} characters, or with a control character"),
        (kind.is_null() & ~pl.col("kind_given"), "no kind"),
        (kind.is_null(), "an unknown kind"),
        (at.is_null() & ~pl.col("at_given"), "no time"),
        (at.is_null(), "a time that cannot be read"),
        (at > now_ms + CLOCK_SKEW_MS, "a time in the future"),
        (at < EARLIEST_MS, "a time before 1990"),
        (_is_not_finite("quantity"), "a quantity that is no finite number"),
        (is_purchase & (pl.col("quantity") <= 0), "a purchase with a quantity of 0 or less"),
        (_is_not_finite("price"), "a price or amount that is no finite number"),
        (pl.col("price") < 0, "a price below 0"),
        _too_large("quantity", "price"),
        (is_rating & _is_not_finite("rating"), "a rating that is no finite number"),
        (is_rating & pl.col("rating").is_null(), "a rating without its value"),
        (is_rating & (pl.col("rating").abs() > MAX_RATING), f"a rating above {MAX_RATING:,.0f}"),
    )


def item_fault() -> pl.Expr:
    """The reason an item is refused, null for a good one; over the columns of `entities.item_columns`."""
    opens, closes = pl.col("available_from_ms"), pl.col("available_until_ms")
    return first_reason(
        (pl.col("item_id").is_null(), "no item_id"),
        (has_bad_id("item_id"), f"an id longer than {MAX_ID} characters, or with a control character"),
        (_is_not_finite("price"), "a price that is no finite number"),
        (pl.col("price") < 0, "a price below 0"),
        (_is_not_finite("stock"), "a stock that is no finite number"),
        _too_large("price", "stock"),
        (opens.is_null() & pl.col("available_from_given"), "an available_from that cannot be read"),
        (closes.is_null() & pl.col("available_until_given"), "an available_until that cannot be read"),
        (opens > closes, "available_until before available_from"),
    )


def user_fault() -> pl.Expr:
    """The reason a customer is refused, null for a good one."""
    return first_reason(
        (pl.col("user_id").is_null(), "no user_id"),
        (has_bad_id("user_id"), f"an id longer than {MAX_ID} characters, or with a control character"),
    )


def first_reason(*cases: tuple[pl.Expr, str]) -> pl.Expr:
    """The reason of the first condition that holds, null when none does; a null condition does not hold."""
    return pl.coalesce(pl.when(holds.fill_null(False)).then(pl.lit(reason)) for holds, reason in cases)


def has_bad_id(*names: str) -> pl.Expr:
    """Whether one of the columns holds text that cannot be an id."""
    return pl.any_horizontal(
        ((pl.col(name).str.len_chars() > MAX_ID) | pl.col(name).str.contains(CONTROL)).fill_null(False)
        for name in names
    )


def _is_not_finite(name: str) -> pl.Expr:
    """Given, and not a finite number."""
    return (pl.col(name).is_null() & pl.col(f"{name}_given")) | ~pl.col(name).is_finite()


def _too_large(*names: str) -> tuple[pl.Expr, str]:
    large = pl.any_horizontal((pl.col(name).abs() > MAX_NUMBER).fill_null(False) for name in names)
    return large, f"a {' or '.join(names)} above {MAX_NUMBER:,.0f}"
