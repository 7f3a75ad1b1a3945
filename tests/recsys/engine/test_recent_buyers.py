"""Recent buyers: customers of the last month, each once, told in round numbers and never below 20."""

import numpy as np
import pytest

from recsys.data.dataset.histories import build_histories
from recsys.data.events import PURCHASE, Kind
from recsys.engine.recent_buyers import RecentBuyers, count_recent_buyers

NOW = 100.0


def test_customers_count_once_and_only_in_the_last_month() -> None:
    rows = [
        (0, 0, 99.0, PURCHASE),
        (0, 0, 98.0, PURCHASE),
        (1, 0, 72.0, PURCHASE),
        (2, 0, 71.9, PURCHASE),
        (3, 0, 99.0, Kind.VIEW),
    ]
    user, item, at, kind = map(np.array, zip(*rows, strict=True))
    histories = build_histories(
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        at=at,
        weight=np.ones(len(at), np.float32),
        kind=kind.astype(np.int8),
        n_users=4,
        n_items=2,
        now=NOW,
    )
    assert count_recent_buyers(histories).count.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("n", "least"), [(0, None), (20, None), (21, 20), (50, 20), (51, 50), (99, 50), (1_001, 1_000), (10**7, 100_000)]
)
def test_others_are_told_in_round_numbers_from_20_on(n: int, least: int | None) -> None:
    assert RecentBuyers(np.array([n], np.int32)).at_least(0) == least


def test_an_item_that_came_since_has_no_proof() -> None:
    assert RecentBuyers().at_least(3) is None
