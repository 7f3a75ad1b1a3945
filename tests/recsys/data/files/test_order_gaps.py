"""Times of orders from the days between them: the last order of each customer is at the given date."""

from datetime import date

import polars as pl
import pytest

from recsys.data.files.order_gaps import gap_column, with_gap_times
from recsys.errors import BadInput


def test_times_are_counted_back_from_the_last_order_of_each_customer() -> None:
    orders = pl.DataFrame({"user": ["u", "v", "u", "u"], "days": [None, None, "7.0", "30.0"]})
    timed = with_gap_times(orders, "days until 2017-12-31", "user")
    assert timed["days.time"].to_list() == [
        date(2017, 11, 24),
        date(2017, 12, 31),
        date(2017, 12, 1),
        date(2017, 12, 31),
    ]


@pytest.mark.parametrize("text", ["days", "days until", "days until 31.12.2017", "days until 2017-02-30"])
def test_a_text_without_a_column_and_a_date_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="write it like 'days_since_prior_order until 2017-12-31'"):
        gap_column(text)
