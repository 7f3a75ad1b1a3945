"""The shops that `tests.bench.big` measures look like shops."""

import polars as pl

from tests.bench.big_data import event_chunks, item_frame, sizes


def test_a_made_up_shop_has_skewed_items_and_customers_who_buy_again() -> None:
    (events,) = event_chunks(20_000)
    n_customers, n_items = sizes(20_000)
    assert (len(events), len(item_frame(20_000))) == (20_000, n_items)
    assert n_customers / 2 < events["user_id"].n_unique() <= n_customers
    assert events["at"].is_sorted()
    by_item = events["item_id"].value_counts(sort=True)["count"]
    assert by_item.head(n_items // 10).sum() > 2 * len(events) / 10
    orders = events.group_by("user_id", "item_id").agg(pl.col("order_id").n_unique())
    assert (orders["order_id"] > 1).sum() > len(orders) / 10
