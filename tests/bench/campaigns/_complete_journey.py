"""Money of the households of Complete Journey by day, as the figures of customers count it."""

from datetime import datetime

import numpy as np
import polars as pl

from recsys.arrays import AnyArray, Doubles
from training.demo import data_file

END = datetime(2018, 1, 1)
DAYS, BEFORE_DAYS = 28, 91


def daily_money() -> tuple[list[str], Doubles]:
    """Ids of U households, and what each paid on each of the last BEFORE_DAYS + DAYS days before 2018.  (U, days)"""
    hidden = pl.read_parquet(data_file("products")).filter(
        pl.col("product_category").is_in(["COUPON/MISC ITEMS", "FUEL"])
    )
    lines = pl.read_parquet(data_file("transactions")).filter(
        ~pl.col("product_id").is_in(hidden["product_id"].unique().to_list()),
        pl.col("quantity") > 0,
        pl.col("sales_value") > 0,
        pl.col("transaction_timestamp") < END,
    )
    ids = lines["household_id"].unique().sort()
    n_days = BEFORE_DAYS + DAYS
    day = n_days - 1 - (END - pl.col("transaction_timestamp").dt.truncate("1d")).dt.total_days() + 1
    recent = lines.select("household_id", "sales_value", day.alias("day")).filter(pl.col("day") >= 0)
    money = np.zeros((len(ids), n_days))
    np.add.at(money, (ids.search_sorted(recent["household_id"]).to_numpy(), recent["day"].to_numpy()), _money(recent))
    return [str(household) for household in ids], money


def _money(lines: pl.DataFrame) -> AnyArray:
    return lines["sales_value"].to_numpy()
