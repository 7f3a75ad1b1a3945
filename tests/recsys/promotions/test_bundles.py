"""Bundle proposals: ranked by what all bundles leave after the discount; losses are no proposals."""

import numpy as np

from recsys.customers.pairs import BasketPairs
from recsys.promotions.bundles import propose_bundles

PAIRS = BasketPairs(
    np.array([0, 0, 1], np.int32),
    np.array([1, 2, 2], np.int32),
    np.array([50, 90, 60]),
    np.array([100, 100, 100]),
    300,
    ("a", "b", "c"),
)


def test_the_pair_that_leaves_most_in_all_comes_first() -> None:
    price, margin = {"a": 2.0, "b": 4.0, "c": 1.0}, {"a": 1.0, "b": 2.0, "c": 0.1}
    proposals = propose_bundles(PAIRS, price, margin, percent=10, least_lift=1.0)
    assert [(each.items, each.profit, each.total) for each in proposals] == [
        (("a", "b"), 2.4, 120.0),
        (("b", "c"), 1.6, 96.0),
        (("a", "c"), 0.8, 72.0),
    ]
    assert proposals[0].break_even == 0.25


def test_a_bundle_that_loses_or_lacks_a_price_is_no_proposal() -> None:
    price, margin = {"a": 2.0, "b": 4.0}, {"a": 0.1, "b": 0.1}
    assert propose_bundles(PAIRS, price, margin, percent=10, least_lift=1.0) == []
