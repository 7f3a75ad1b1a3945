"""Baselines agree with counting by hand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from eval.backtest.baselines import (
    STRENGTH,
    best_sellers,
    own_frequency,
    random_items,
    segment_best_sellers,
)
from recsys.data.dataset.histories import Histories
from recsys.data.events import Kind
from recsys.testing import NOW, interactions_of


def histories_of(user: list[int], item: list[int], n_items: int = 6, at: list[float] | None = None) -> Histories:
    when = None if at is None else np.array(at)
    n = max(user) + 1
    return interactions_of(
        np.array(user, np.int32), np.array(item, np.int32), n_users=n, n_items=n_items, at=when
    ).histories


def test_best_sellers_are_what_most_customers_bought_lately() -> None:
    histories = histories_of([0, 0, 0, 1, 2, 2], [5, 5, 5, 3, 3, 4])
    on_sale = np.ones(6, bool)
    everything = best_sellers(histories, [0], on_sale, 3, only_new=False)
    assert everything.item[0].tolist() == [3, 4, 5]
    new = best_sellers(histories, [0], on_sale, 3, only_new=True)
    assert new.item[0, : new.length[0]].tolist() == [3, 4]


def test_own_frequency_counts_and_leaves_out_what_is_not_on_sale() -> None:
    histories = histories_of([0] * 6, [5, 5, 1, 2, 2, 2])
    on_sale = np.array([True, True, False, True, True, True])
    lists = own_frequency(histories, [0], on_sale, 4)
    assert lists.item[0, : lists.length[0]].tolist() == [5, 1]


def test_own_frequency_breaks_ties_by_best_sellers_and_goes_on_with_them() -> None:
    histories = histories_of([0, 0, 0, 0, 1, 2, 2, 3], [2, 2, 0, 4, 4, 4, 5, 3])
    on_sale = np.array([True, True, True, False, True, True])
    lists = own_frequency(histories, [0, 3], on_sale, 4)
    assert lists.item.tolist() == [[2, 4, 0, 5], [4, 0, 2, 5]]


def test_fading_favourites_are_those_of_late() -> None:
    histories = histories_of([0] * 5, [1, 1, 1, 2, 2], at=[NOW - 400, NOW - 390, NOW - 380, NOW - 10, NOW - 5])
    on_sale = np.ones(6, bool)
    assert own_frequency(histories, [0], on_sale, 2).item[0].tolist() == [1, 2]
    assert own_frequency(histories, [0], on_sale, 2, half_life_days=120).item[0].tolist() == [2, 1]


def test_of_favourites_that_fade_alike_the_one_that_sells_better_comes_first() -> None:
    histories = histories_of([0, 0, 0, 1, 2, 2], [1, 2, 3, 2, 2, 4], at=[NOW - 9, NOW - 9, NOW - 400, *[NOW - 1] * 3])
    lists = own_frequency(histories, [0], np.ones(6, bool), 5, half_life_days=120)
    assert lists.item[0].tolist()[:4] == [2, 1, 3, 4]


def test_returns_are_no_purchases_for_the_baselines() -> None:
    histories = histories_of([0, 0], [0, 1], n_items=2)
    returned = replace(histories, kind=np.full(2, Kind.RETURN, np.int8))
    assert own_frequency(returned, [0], np.ones(2, bool), 2).length.tolist() == [0]


def test_a_large_segment_gets_its_own_best_sellers_and_a_stranger_the_shops() -> None:
    """Of 601 customers 400 buy item 0, 200 buy item 1; the latter are a segment."""
    user = list(range(600))
    item = [0] * 400 + [1] * 200
    histories = histories_of([*user, 600], [*item, 2])
    segment = np.array([1] * 400 + [2] * 200 + [0], np.int32)
    lists = segment_best_sellers(histories, [0, 500, 600], segment, np.ones(6, bool), 2, only_new=False)
    assert lists.item.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_a_segment_of_a_few_is_drawn_towards_the_shop() -> None:
    """Three of ten buy something else: as a share of STRENGTH more customers that is less than what the shop buys."""
    histories = histories_of(list(range(203)), [0] * 200 + [1] * 3)
    segment = np.array([1] * 200 + [2] * 3, np.int32)
    assert STRENGTH * 200 / 203 > 3
    lists = segment_best_sellers(histories, [202], segment, np.ones(6, bool), 2, only_new=False)
    assert lists.item[0].tolist() == [0, 1]


def test_the_share_of_a_segment_agrees_with_its_slow_twin() -> None:
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 40, 200), rng.integers(0, 6, 200)
    histories = histories_of([*user.tolist(), 39], [*item.tolist(), 0])
    segment = (np.arange(40) % 3).astype(np.int32)
    lists = segment_best_sellers(histories, [1], segment, np.ones(6, bool), 6, only_new=False)
    pairs = set(zip([*user.tolist(), 39], [*item.tolist(), 0], strict=True))
    members = {u for u, _ in pairs if u % 3 == 1}
    ours, shops = Counter(i for u, i in pairs if u in members), Counter(i for _, i in pairs)
    active = len({u for u, _ in pairs})
    share = {i: (ours[i] + STRENGTH * shops[i] / active) / (len(members) + STRENGTH) for i in range(6)}
    assert lists.item[0].tolist() == sorted(share, key=lambda i: (-share[i], i))


def test_chance_shows_everything_about_as_often_and_nothing_twice_or_sold_out() -> None:
    histories = histories_of(list(range(3_000)), [0] * 3_000, n_items=8)
    on_sale = np.arange(8) != 3
    lists = random_items(histories, range(3_000), on_sale, 2, np.random.default_rng(0), only_new=False)
    times = np.bincount(lists.item.ravel(), minlength=8)
    assert times[3] == 0
    assert times[on_sale] == pytest.approx(6_000 / 7, rel=0.15)


def test_chance_among_new_things_leaves_out_what_the_customer_had() -> None:
    histories = histories_of([0, 0, 1], [0, 1, 2], n_items=4)
    lists = random_items(histories, [0, 1], np.ones(4, bool), 3, np.random.default_rng(0), only_new=True)
    assert sorted(lists.item[0, : lists.length[0]].tolist()) == [2, 3]
    assert sorted(lists.item[1].tolist()) == [0, 1, 3]
