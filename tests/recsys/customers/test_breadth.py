"""Breadth: different items and categories, their price level, and the category with the most money."""

import numpy as np

from recsys.customers.breadth import MIN_PRICED, breadth_of, price_ranks
from recsys.customers.orders import customer_lines
from recsys.data.events import Activity, Event, Kind


def purchase(item: str, price: float) -> Event:
    return Event("", "a", item, Kind.PURCHASE, 0, 1.0, price)


def test_each_item_and_each_known_category_counts_once() -> None:
    paid = customer_lines(
        Activity.from_events([purchase("x", 1), purchase("x", 1), purchase("y", 3), purchase("z", 9)]), {}
    )
    breadth = breadth_of(paid, np.array([1, 2, 0], np.int32), np.array([0.25, 0.75, np.nan], np.float32), 1)
    assert (breadth.n_items[0], breadth.n_categories[0], breadth.top_category[0]) == (3, 2, 2)
    assert breadth.price_level[0] == 0.5


def test_nothing_bought_gives_no_level_and_no_category() -> None:
    breadth = breadth_of(
        customer_lines(Activity.from_events([]), {}), np.empty(0, np.int32), np.empty(0, np.float32), 1
    )
    assert np.isnan(breadth.price_level[0])
    assert (breadth.n_items[0], breadth.top_category[0]) == (0, 0)


def test_a_price_rank_is_the_share_of_cheaper_items_of_the_category() -> None:
    price = np.array([1, 2, 2, 4, 5, 7], np.float32)
    category = np.array([1, 1, 1, 1, 1, 2], np.int32)
    ranks = price_ranks(price, category)
    np.testing.assert_allclose(ranks[:MIN_PRICED], [0.1, 0.4, 0.4, 0.7, 0.9], rtol=1e-6)
    assert np.isnan(ranks[5])
