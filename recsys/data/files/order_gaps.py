"""Times of orders in a file that has no dates, but days between orders: `days_since_prior_order until 2017-12-31`."""

import re
from datetime import date

import polars as pl

from recsys.data.files.numbers import parse_numbers
from recsys.errors import BadInput

UNTIL = re.compile(r"^(.*\S)\s+until\s+(\d{4}-\d{2}-\d{2})$")


def gap_column(text: str) -> str:
    """The column of days.  Raises BadInput for a text without a column and a date."""
    return _parts(text)[0]


def time_column(text: str) -> str:
    """The name of the column of times that `with_gap_times` adds."""
    return f"{gap_column(text)}.time"


def with_gap_times(orders: pl.DataFrame, text: str, user: str) -> pl.DataFrame:
    """The orders with a time (a date), counted back from the customer's last order, which is at the date of the text.

    orders: those of a customer in the order in which they came.  user: the column of customers.
    """
    column, last = _parts(text)
    days = orders.select(parse_numbers(orders[column], None).fill_null(0).cum_sum().alias("days"), user)
    since = days.select((pl.col("days").max() - pl.col("days")).over(user).alias("since"))["since"]
    at = since.to_frame().select(pl.lit(last) - pl.duration(days=pl.col("since").round().cast(pl.Int64)))
    return orders.with_columns(at.to_series().alias(time_column(text)))


def _parts(text: str) -> tuple[str, date]:
    match = UNTIL.match(text)
    try:
        return (match[1], date.fromisoformat(match[2])) if match else _refuse(text)
    except ValueError:
        return _refuse(text)


def _refuse(text: str) -> tuple[str, date]:
    raise BadInput(f"--days-between {text}: write it like 'days_since_prior_order until 2017-12-31'")
