"""Buy again: own purchases by recency, frequency and the repeat rate of the item."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from recsys.arrays import Floats
from recsys.data.dataset.histories import Histories, build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import Kind
from recsys.models.buy_again import BuyAgain, BuyAgainModel
from recsys.testing import NOW

RNG = np.random.default_rng(0)
N_ITEMS = 5
Row = tuple[int, int, float, Kind]


def history(rows: Sequence[Row], n_users: int = 40) -> Histories:
    """(customer, item, days ago, kind) each."""
    user, item, ago, kind = (np.array(column) for column in zip(*rows, strict=True))
    return build_histories(
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        at=NOW - ago.astype(np.float64),
        weight=np.ones(len(rows), np.float32),
        kind=kind.astype(np.int8),
        n_users=n_users,
        n_items=N_ITEMS,
        now=NOW,
    )


def shop(rows: Sequence[Row]) -> Interactions:
    histories = history(rows)
    n_events = len(histories.item)
    return Interactions(
        histories, np.arange(n_events, dtype=np.int32), np.ones(n_events, np.float32), np.zeros(N_ITEMS, np.int32)
    )


PLAIN = BuyAgain(doubt=0, overdue_fade=0, demand_power=0)
STAPLE = [(user, 1, ago, Kind.PURCHASE) for user in range(20) for ago in (10.0, 40.0)]
ONE_OFF = [(user, 2, 10.0, Kind.PURCHASE) for user in range(20)]


def scores_of(learner: BuyAgain, *rows: Row) -> Floats:
    scores: Floats = learner.fit(shop([*STAPLE, *ONE_OFF]), RNG).score(history(rows, n_users=1))[0]
    return scores


def test_an_item_never_bought_scores_zero() -> None:
    scores = scores_of(BuyAgain(), (0, 3, 1.0, Kind.PURCHASE), (0, 4, 1.0, Kind.VIEW))
    assert np.flatnonzero(scores).tolist() == [3]


def test_the_more_often_bought_comes_first() -> None:
    scores = scores_of(BuyAgain(), (0, 3, 1.0, Kind.PURCHASE), (0, 4, 1.0, Kind.PURCHASE), (0, 4, 2.0, Kind.PURCHASE))
    assert scores[4] > scores[3] > 0


def test_a_purchase_is_worth_half_after_one_half_life() -> None:
    scores = scores_of(replace(PLAIN, half_life_days=30), (0, 3, 5.0, Kind.PURCHASE), (0, 4, 35.0, Kind.PURCHASE))
    np.testing.assert_allclose(scores[4], scores[3] / 2, rtol=1e-6)


def test_an_item_that_people_buy_again_comes_before_a_one_off() -> None:
    scores = scores_of(BuyAgain(), (0, 1, 5.0, Kind.PURCHASE), (0, 2, 5.0, Kind.PURCHASE))
    assert scores[1] > scores[2] > 0


def test_without_loyalty_only_the_own_purchases_count() -> None:
    scores = scores_of(BuyAgain(loyalty_power=0), (0, 1, 5.0, Kind.PURCHASE), (0, 2, 5.0, Kind.PURCHASE))
    assert scores[1] == scores[2]


def test_two_lines_on_one_day_are_no_second_purchase() -> None:
    doubled = [(user, 2, ago, Kind.PURCHASE) for user in range(20) for ago in (10.1, 10.2)]
    model = BuyAgain().fit(shop([*STAPLE, *doubled]), RNG)
    assert model.loyalty[1] > 1 > model.loyalty[2]


def test_an_item_nobody_bought_is_as_loyal_as_the_shop() -> None:
    np.testing.assert_allclose(BuyAgain().fit(shop([*STAPLE, *ONE_OFF]), RNG).loyalty[4], 1.0)


def test_an_item_nobody_bought_is_as_loyal_as_the_shop_without_a_prior_too() -> None:
    assert BuyAgain(prior_customers=0).fit(shop([*STAPLE, *ONE_OFF]), RNG).loyalty[4] == 1.0


def test_a_return_takes_one_purchase_back() -> None:
    bought = [(0, 3, 1.0, Kind.PURCHASE), (0, 3, 1.0, Kind.PURCHASE), (0, 4, 1.0, Kind.PURCHASE)]
    scores = scores_of(PLAIN, *bought, (0, 3, 1.0, Kind.RETURN))
    np.testing.assert_allclose(scores[3], scores[4], rtol=1e-6)


def test_more_returns_than_purchases_end_at_zero() -> None:
    scores = scores_of(BuyAgain(), (0, 3, 5.0, Kind.PURCHASE), (0, 3, 1.0, Kind.RETURN), (0, 3, 1.0, Kind.RETURN))
    assert scores[3] == 0


def test_a_shop_where_nobody_buys_again_still_has_scores() -> None:
    model = BuyAgain().fit(shop(ONE_OFF), RNG)
    assert model.score(history([(0, 2, 1.0, Kind.PURCHASE)], n_users=1))[0, 2] > 0


def test_of_two_favourites_the_less_popular_one_comes_first() -> None:
    """Bought equally often by the user, never a second time by others."""
    events = [(1, 1, 10.0, Kind.PURCHASE), (2, 1, 10.0, Kind.PURCHASE), (3, 2, 10.0, Kind.PURCHASE)]
    own = BuyAgain(loyalty_power=0, reach_power=0.05, demand_power=0).fit(shop(events), RNG).loyalty
    assert own[2] > own[1] > 0.9 * own[2]
    np.testing.assert_allclose(own[1], 2**-0.05, rtol=1e-6)


def naive(rows: Sequence[Row], learner: BuyAgain) -> dict[int, float]:
    """One user's scores before loyalty, item by item, as the docstrings describe them."""
    scores = {}
    for item in {item for _, item, _, _ in rows}:
        ages = [max(ago, 0.5) for _, other, ago, kind in rows if other == item and kind in (Kind.PURCHASE, Kind.RETURN)]
        signs = [
            1 if kind == Kind.PURCHASE else -1 for _, other, _, kind in rows if other == item and kind != Kind.VIEW
        ]
        faded = sum(sign * 0.5 ** (age / learner.half_life_days) for sign, age in zip(signs, ages, strict=True))
        times = max(sum(signs), 1)
        overdue = min(ages, default=0) / (max(ages, default=1) / times)
        scores[item] = max(faded, 0) / (1 + learner.doubt / times + learner.overdue_fade * overdue)
    return scores


@pytest.mark.parametrize("seed", range(4))
def test_scores_agree_with_a_slow_obvious_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = (Kind.PURCHASE, Kind.PURCHASE, Kind.PURCHASE, Kind.RETURN, Kind.VIEW)
    rows = [(0, int(rng.integers(N_ITEMS)), float(rng.integers(90)), kinds[rng.integers(5)]) for _ in range(25)]
    learner = BuyAgain(loyalty_power=0, reach_power=0, demand_power=0)
    scores = learner.fit(shop(STAPLE), RNG).score(history(rows, n_users=1))[0]
    expected = naive(rows, learner)
    np.testing.assert_allclose(scores, [expected.get(item, 0) for item in range(N_ITEMS)], rtol=1e-5, atol=1e-7)


def test_an_overdue_item_comes_after_a_due_one() -> None:
    weekly = [(0, 3, ago, Kind.PURCHASE) for ago in (42.0, 49.0, 56.0)]
    monthly = [(0, 4, ago, Kind.PURCHASE) for ago in (42.0, 72.0, 102.0)]
    never_fades = replace(PLAIN, half_life_days=np.inf)
    alike, timely = (
        scores_of(never_fades, *weekly, *monthly),
        scores_of(replace(never_fades, overdue_fade=0.5), *weekly, *monthly),
    )
    assert alike[3] == alike[4]
    assert timely[4] > timely[3] > 0


def test_a_single_purchase_counts_less_than_its_share() -> None:
    rows = [(0, 3, 10.0, Kind.PURCHASE), (0, 4, 60.0, Kind.PURCHASE), (0, 4, 120.0, Kind.PURCHASE)]
    sure, doubting = (scores_of(replace(PLAIN, half_life_days=60, doubt=doubt), *rows) for doubt in (0, 3))
    assert sure[3] > sure[4]
    assert doubting[4] > doubting[3] > 0


def test_items_in_demand_come_before_items_of_long_ago() -> None:
    lately = [(user, 3, 5.0, Kind.PURCHASE) for user in range(10)]
    long_ago = [(user, 4, 60.0, Kind.PURCHASE) for user in range(10)]
    own = BuyAgain(demand_power=0.1).fit(shop([*lately, *long_ago]), RNG).loyalty
    np.testing.assert_allclose(own[3] / own[4], 10**0.1, rtol=1e-6)


def test_a_release_made_before_doubt_existed_still_opens() -> None:
    arrays = {"loyalty": np.ones(N_ITEMS, np.float32), "half_life_days": np.array(30.0)}
    rows = [(0, 3, 30.0, Kind.PURCHASE)]
    np.testing.assert_allclose(BuyAgainModel.from_arrays(arrays).score(history(rows, n_users=1))[0, 3], 0.5, rtol=1e-6)
