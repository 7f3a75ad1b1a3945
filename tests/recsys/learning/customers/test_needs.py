"""Needs learnt: chances that come true later, from what was known a horizon earlier."""

import numpy as np
import pytest

from recsys.data.dataset.histories import build_histories
from recsys.data.dataset.interactions import Interactions
from recsys.data.events import PURCHASE
from recsys.learning.customers.logistic import calibration_error
from recsys.learning.customers.needs import SHORTEST_PAST_DAYS, by_category, fit_needs, needs_note, past_pairs
from recsys.learning.customers.paired_auc import auc
from recsys.models.buy_again import BuyAgain

DAYS, N_USERS, N_ITEMS = 250.0, 400, 20


@pytest.fixture(scope="module")
def data() -> Interactions:
    """Every customer buys some items at gaps of their own."""
    rng = np.random.default_rng(0)
    user, item, at = [], [], []
    for one in range(N_USERS):
        for thing in rng.choice(N_ITEMS, 4, replace=False):
            days = np.cumsum(rng.gamma(4, rng.uniform(1, 20), 200))
            days = days[days < DAYS]
            user.append(np.full(len(days), one))
            item.append(np.full(len(days), thing))
            at.append(days)
    histories = build_histories(
        user=np.concatenate(user).astype(np.int32),
        item=np.concatenate(item).astype(np.int32),
        at=np.concatenate(at),
        weight=np.ones(sum(map(len, at)), np.float32),
        kind=np.full(sum(map(len, at)), PURCHASE, np.int8),
        n_users=N_USERS,
        n_items=N_ITEMS,
        now=DAYS,
    )
    n = len(histories.item)
    category = (np.arange(N_ITEMS) % 3).astype(np.int32)
    return Interactions(histories, np.full(n, -1, np.int32), np.ones(n, np.float32), category)


def test_chances_come_true_in_the_weeks_after(data: Interactions) -> None:
    rng = np.random.default_rng(0)
    fit = fit_needs(data.before(DAYS - 14), BuyAgain(), rng)
    assert fit is not None
    pairs, bought = past_pairs(data, BuyAgain(), DAYS - 14, DAYS, rng)
    chance = fit.model.chance(pairs, 14)
    assert auc(bought, chance) > 0.75
    assert calibration_error(chance, bought) < 0.05


def test_later_purchases_change_no_pair(data: Interactions) -> None:
    rng = np.random.default_rng(0)
    early, _ = past_pairs(data.before(DAYS - 14), BuyAgain(), DAYS - 14, DAYS, rng)
    late, _ = past_pairs(data, BuyAgain(), DAYS - 14, DAYS, rng)
    np.testing.assert_array_equal(early.features(), late.features())


def test_categories_stand_in_the_place_of_items(data: Interactions) -> None:
    renamed = by_category(data)
    assert set(np.unique(renamed.histories.item).tolist()) == {1, 2}
    unknown = data.category[data.histories.item] == 0
    assert len(renamed.histories.item) == len(data.histories.item) - unknown.sum()


def test_a_short_log_gives_no_needs(data: Interactions) -> None:
    assert fit_needs(data.before(60.0), BuyAgain(), np.random.default_rng(0)) is None


def test_the_model_is_judged_by_customers_and_the_rule_stands_where_it_is_no_better(data: Interactions) -> None:
    fit = fit_needs(data, BuyAgain(), np.random.default_rng(0))
    assert fit is not None
    for days, judged in fit.judged.items():
        assert judged is not None
        assert fit.model.method(days) == ("logistic" if judged.low > 0 else "frequency")
    note = needs_note(fit)["14"]
    assert (note["method"], note["low"]) == (fit.model.method(14), fit.judged[14].low if fit.judged[14] else None)


def test_without_a_moment_to_be_judged_at_the_rule_stands(data: Interactions) -> None:
    short = data.before(SHORTEST_PAST_DAYS + 30.0)  # one moment of 28 days, and none before it
    fit = fit_needs(short, BuyAgain(), np.random.default_rng(0))
    assert fit is not None
    assert (fit.judged[28], fit.model.method(28)) == (None, "frequency")
