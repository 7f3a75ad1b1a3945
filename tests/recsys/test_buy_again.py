"""Own purchases, the recent ones first, by how often the item is bought again."""

from collections.abc import Sequence

import numpy as np

from recsys.arrays import Floats
from recsys.data.events import Kind
from recsys.data.histories import Histories, histories_of
from recsys.data.interactions import Interactions
from recsys.models.buy_again import BuyAgain
from recsys.testing import NOW

RNG = np.random.default_rng(0)
N_ITEMS = 5
Row = tuple[int, int, float, Kind]


def history(rows: Sequence[Row], n_users: int = 40) -> Histories:
    """(customer, item, days ago, kind) each."""
    user, item, ago, kind = (np.array(column) for column in zip(*rows, strict=True))
    return histories_of(
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


STAPLE = [(user, 1, ago, Kind.PURCHASE) for user in range(20) for ago in (10.0, 40.0)]
ONE_OFF = [(user, 2, 10.0, Kind.PURCHASE) for user in range(20)]


def asked(learner: BuyAgain, *rows: Row) -> Floats:
    scores: Floats = learner.fit(shop([*STAPLE, *ONE_OFF]), RNG).score(history(rows, n_users=1))[0]
    return scores


def test_what_was_never_bought_scores_zero() -> None:
    scores = asked(BuyAgain(), (0, 3, 1.0, Kind.PURCHASE), (0, 4, 1.0, Kind.VIEW))
    assert np.flatnonzero(scores).tolist() == [3]


def test_the_more_often_bought_comes_first() -> None:
    scores = asked(BuyAgain(), (0, 3, 1.0, Kind.PURCHASE), (0, 4, 1.0, Kind.PURCHASE), (0, 4, 2.0, Kind.PURCHASE))
    assert scores[4] > scores[3] > 0


def test_a_purchase_is_worth_half_after_one_half_life() -> None:
    scores = asked(BuyAgain(half_life_days=30), (0, 3, 0.0, Kind.PURCHASE), (0, 4, 30.0, Kind.PURCHASE))
    np.testing.assert_allclose(scores[4], scores[3] / 2, rtol=1e-6)


def test_an_item_that_people_buy_again_comes_before_a_one_off() -> None:
    scores = asked(BuyAgain(), (0, 1, 5.0, Kind.PURCHASE), (0, 2, 5.0, Kind.PURCHASE))
    assert scores[1] > scores[2] > 0


def test_without_loyalty_only_the_own_purchases_count() -> None:
    scores = asked(BuyAgain(loyalty_power=0), (0, 1, 5.0, Kind.PURCHASE), (0, 2, 5.0, Kind.PURCHASE))
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
    scores = asked(BuyAgain(), *bought, (0, 3, 1.0, Kind.RETURN))
    np.testing.assert_allclose(scores[3], scores[4], rtol=1e-6)


def test_more_returns_than_purchases_end_at_zero() -> None:
    scores = asked(BuyAgain(), (0, 3, 5.0, Kind.PURCHASE), (0, 3, 1.0, Kind.RETURN), (0, 3, 1.0, Kind.RETURN))
    assert scores[3] == 0


def test_a_shop_where_nobody_buys_again_still_answers() -> None:
    model = BuyAgain().fit(shop(ONE_OFF), RNG)
    assert model.score(history([(0, 2, 1.0, Kind.PURCHASE)], n_users=1))[0, 2] > 0


def test_of_two_favourites_the_one_that_is_not_everybodys_comes_first() -> None:
    """Bought alike by the customer, never a second time by others."""
    events = [(1, 1, 10.0, Kind.PURCHASE), (2, 1, 10.0, Kind.PURCHASE), (3, 2, 10.0, Kind.PURCHASE)]
    own = BuyAgain(loyalty_power=0).fit(shop(events), RNG).loyalty
    assert own[2] > own[1] > 0.9 * own[2]
    np.testing.assert_allclose(own[1], 2**-0.05, rtol=1e-6)
