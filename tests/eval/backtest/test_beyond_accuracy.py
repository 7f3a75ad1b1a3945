"""Coverage counts items on sale and items ever bought apart."""

import numpy as np
import pytest

from eval.backtest.beyond_accuracy import WindowItems, measure_lists
from eval.backtest.contenders import ModelLists
from eval.metrics.ranked_lists import RankedLists
from recsys.testing import interactions_of


def test_the_range_on_sale_and_what_was_ever_bought_are_counted_apart() -> None:
    bought = interactions_of(np.array([0, 1], np.int32), np.array([0, 2], np.int32), n_users=2, n_items=5).histories
    items = WindowItems(
        servable=np.array([0, 1, 2, 4], np.int32),  # 3 is sold out
        customers=np.array([2, 0, 1, 1, 0]),  # nobody ever bought 1 and 4
        n_customers=2,
        category=np.arange(5, dtype=np.int32),
        vectors=None,
        bought=bought,
        usual=np.array([2.0, 1.0]),
    )
    shown = ModelLists("baseline", RankedLists(np.array([[0, 1], [0, 1]], np.int32), np.array([2, 2], np.int32)), None)

    metrics = measure_lists(shown, shown, items, 2)

    assert (metrics["n_shown"], metrics["coverage"]) == (2, 2 / 4)
    assert metrics["coverage_of_sold"] == pytest.approx(1 / 3)
