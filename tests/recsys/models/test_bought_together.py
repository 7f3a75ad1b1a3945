"""Bought together: pairs that share a basket more often than chance."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.models import bought_together
from recsys.models.bought_together import BoughtTogether
from recsys.testing import NOW, camp_baskets, interactions_of

RNG = np.random.default_rng(0)


def baskets(*contents: Sequence[int], n_items: int = 8) -> Interactions:
    """Each basket belongs to another user."""
    user = np.repeat(np.arange(len(contents)), [len(items) for items in contents]).astype(np.int32)
    item = np.concatenate([np.asarray(items, np.int32) for items in contents])
    return interactions_of(user, item, n_users=len(contents), n_items=n_items)


SHOP = baskets(*[[0, 1]] * 5, *[[2, 3]] * 2, *[[4, 5]] * 20)


def test_a_pair_below_the_support_floor_does_not_exist() -> None:
    model = BoughtTogether(min_support=3).fit(SHOP, RNG)
    assert model.similar(0, 5)[0].tolist() == [1]
    assert len(model.similar(2, 5)[0]) == 0


def test_the_similarity_is_the_log_of_the_shrunk_lift() -> None:
    model = BoughtTogether(shrinkage=4.0).fit(SHOP, RNG)
    # The two baskets of 2 and 3 are below the minimum and are removed: 25 remain, 5 of them with both 0 and 1.
    np.testing.assert_allclose(model.similar(0, 1)[1], np.log((5 + 4) / (5 * 5 / 25 + 4)), rtol=1e-6)


def test_an_item_in_every_basket_has_no_neighbours() -> None:
    data = baskets(*[[0, 1, 7]] * 5, *[[2, 3, 7]] * 5)
    model = BoughtTogether().fit(data, RNG)
    assert model.similar(0, 5)[0].tolist() == [1]


def test_shrinkage_puts_a_proven_pair_before_a_rare_one_of_higher_lift() -> None:
    data = baskets(*[[0, 1]] * 3, *[[0, 2]] * 30, *[[2, 5]] * 5, *[[3, 4]] * 60)
    assert BoughtTogether(shrinkage=0).fit(data, RNG).similar(0, 1)[0].tolist() == [1]
    assert BoughtTogether(shrinkage=20).fit(data, RNG).similar(0, 1)[0].tolist() == [2]


def test_items_of_one_customer_on_different_days_are_not_bought_together() -> None:
    user, item = np.repeat(np.arange(5), 2).astype(np.int32), np.tile([0, 1], 5).astype(np.int32)
    apart = interactions_of(user, item, n_users=5, n_items=8, at=NOW - np.tile([1.0, 9.0], 5))
    assert len(BoughtTogether().fit(apart, RNG).similar(0, 5)[0]) == 0


def test_a_viewed_item_is_in_no_basket() -> None:
    looked = replace(SHOP.histories, kind=np.full(len(SHOP.histories.kind), Kind.VIEW, np.int8))
    assert len(BoughtTogether().fit(replace(SHOP, histories=looked), RNG).similar(0, 5)[0]) == 0


def test_a_wholesale_order_is_left_out() -> None:
    data = baskets(*[[0, 1]] * 5, *[[2, 3]] * 5, *[range(2, 8)] * 9)
    model = BoughtTogether(max_basket=5).fit(data, RNG)
    assert model.similar(2, 5)[0].tolist() == [3]


def test_the_same_product_on_two_lines_is_in_the_basket_once() -> None:
    data = baskets([0, 0, 0, 1], [0, 1], [2, 3])
    assert len(BoughtTogether(min_support=3).fit(data, RNG).similar(0, 5)[0]) == 0


def test_a_basket_scores_by_the_sum_over_its_items() -> None:
    data = baskets(*[[0, 1, 2]] * 6, *[[3, 4]] * 20)
    model = BoughtTogether().fit(data, RNG)
    both, first, second = (model.score(baskets(items).histories)[0, 2] for items in ([0, 1], [0], [1]))
    np.testing.assert_allclose(both, first + second, rtol=1e-6)


def test_an_item_twice_in_the_basket_counts_once() -> None:
    data = baskets(*[[0, 1, 2]] * 6, *[[3, 4]] * 20)
    model = BoughtTogether().fit(data, RNG)
    np.testing.assert_array_equal(model.score(baskets([0, 0]).histories), model.score(baskets([0]).histories))


def test_blocks_of_items_find_the_same_pairs_as_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = BoughtTogether().fit(camp_baskets(), RNG).arrays()
    monkeypatch.setattr(bought_together, "BLOCK", 3)
    in_blocks = BoughtTogether().fit(camp_baskets(), RNG).arrays()
    for name, array in whole.items():
        np.testing.assert_array_equal(in_blocks[name], array)


def test_a_thousand_baskets_of_one_customer_count_as_twenty() -> None:
    days = np.arange(1_000)
    user, item = np.zeros(2_000, np.int32), np.tile([0, 1], 1_000).astype(np.int32)
    bot = interactions_of(user, item, n_users=1, n_items=4, at=NOW - np.repeat(days, 2).astype(np.float64))
    few = bot.only(bot.histories.at > NOW - 20, NOW)
    all_baskets, newest = (BoughtTogether().fit(data, RNG).similar(0, 5) for data in (bot, few))
    np.testing.assert_array_equal(all_baskets[1], newest[1])
    assert len(few.histories.item) == 40
