"""Popularity: best-sellers of the shop and of a category, and trends."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recsys.data.dataset.interactions import Interactions
from recsys.models.popularity import STEADY, Popularity, PopularityModel
from recsys.testing import NOW, interactions_of

RNG = np.random.default_rng(0)


def sales(*sold: tuple[int, int, float], n_items: int = 6) -> Interactions:
    """(customer, item, days ago) each."""
    user, item, ago = (np.array(column) for column in zip(*sold, strict=True))
    return interactions_of(
        user.astype(np.int32), item.astype(np.int32), n_users=50, n_items=n_items, at=NOW - ago.astype(np.float64)
    )


def each_day(item: int, days: Sequence[int], customers: range) -> list[tuple[int, int, float]]:
    return [(user, item, float(day)) for day in days for user in customers]


def fitted(data: Interactions, learner: Popularity | None = None) -> PopularityModel:
    return (learner or Popularity()).fit(data, RNG)


def test_a_customer_counts_once_however_much_they_buy() -> None:
    model = fitted(sales((0, 1, 1), (0, 1, 2), (0, 1, 3), (1, 2, 1), (2, 2, 1)))
    assert model.order[:2].tolist() == [2, 1]


def test_a_sale_is_worth_half_after_one_half_life() -> None:
    model = fitted(sales((0, 1, 0), (1, 2, 28)))
    np.testing.assert_allclose(model.weight[[1, 2]], [1.0, 0.5])


def test_sales_before_the_window_do_not_count() -> None:
    data = sales((0, 1, 29), (1, 1, 29), (2, 2, 27))
    model = fitted(data, Popularity(half_life_days=np.inf, window_days=28))
    assert model.weight.tolist() == [0, 0, 1, 0, 0, 0]


def test_equally_popular_items_stand_by_position_and_none_is_missing() -> None:
    assert fitted(sales((0, 4, 1), (1, 2, 1))).order.tolist() == [2, 4, 0, 1, 3, 5]


def test_a_category_keeps_the_order_of_the_shop() -> None:
    model = fitted(sales((0, 4, 1), (1, 4, 1), (1, 2, 1), (0, 3, 1)))
    assert model.by_category(1).tolist() == [4, 2, 0]
    assert model.by_category(2).tolist() == [3, 1, 5]


def test_a_category_nobody_has_is_empty() -> None:
    model = fitted(sales((0, 4, 1)))
    assert [len(model.by_category(code)) for code in (-1, 0, 3)] == [0, 0, 0]


def test_an_item_that_sells_only_lately_trends_above_a_steady_one() -> None:
    steady = each_day(1, range(90), range(20))
    model = fitted(sales(*steady, *((30 + user % 20, 2, float(user % 3)) for user in range(20))))
    assert model.trend[2] > model.trend[1] > 0


def test_one_sale_is_no_trend() -> None:
    rising = [(user, 2, 1.0) for user in range(20)]
    model = fitted(sales((40, 1, 0.0), *rising, *((user, 3, 60.0) for user in range(20))))
    assert model.trend[2] > model.trend[1]


def test_five_thousand_purchases_of_one_customer_make_no_trend_and_no_best_seller() -> None:
    shop = [*each_day(1, range(0, 90, 3), range(20)), *((user, 2, float(user % 3)) for user in range(20))]
    bot = [(49, 5, days / 100) for days in range(5_000)]
    before, after = fitted(sales(*shop)), fitted(sales(*shop, *bot))
    assert after.trend[5] <= STEADY
    assert after.trend[2] > STEADY
    assert after.order[:2].tolist() == before.order[:2].tolist()
    np.testing.assert_allclose(after.weight[:5], before.weight[:5])
    helped = fitted(sales(*shop, *((user, 2, 0.0) for user in [49] * 5_000)))
    assert helped.trend[2] < 1.2 * before.trend[2]


def test_a_trend_needs_three_customers() -> None:
    shop = each_day(1, range(0, 90, 3), range(20))
    two, three = (fitted(sales(*shop, *((30 + user, 2, 0.0) for user in range(n)))) for n in (2, 3))
    assert two.trend[2] == STEADY
    assert three.trend[2] > STEADY


def test_an_unsold_item_has_no_trend() -> None:
    assert fitted(sales((0, 1, 1))).trend[5] == 0


def test_returns_make_nothing_popular() -> None:
    data = sales((0, 1, 1), (1, 2, 1))
    data = replace(data, histories=replace(data.histories, weight=np.array([1, -1], np.float32)))
    assert fitted(data).weight[2] == 0


def test_everybody_gets_the_same_scores() -> None:
    data = sales((0, 1, 1), (1, 2, 1), (1, 1, 1))
    scores = fitted(data).score(data.histories.take([0, 1, 7]))
    assert (scores == scores[0]).all()
