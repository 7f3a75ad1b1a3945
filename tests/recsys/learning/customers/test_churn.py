"""Churn learnt: the model where it beats the rule beyond noise, else the rule, and no knowledge of what came later."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.arrays import Doubles
from recsys.customers.orders import Orders, sum_orders
from recsys.customers.prediction.churn import visits_rule
from recsys.customers.prediction.features import FEATURES
from recsys.learning.customers.churn import fit_churn
from recsys.learning.customers.fallback import LOGISTIC, NONE, RULE_FEATURES, VISITS_RULE
from recsys.learning.customers.paired_auc import auc
from recsys.learning.customers.past import Past
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import AS_OF_MS, leaving_world, orders_of_days

HORIZON = 28
BEFORE_MS = AS_OF_MS - HORIZON * DAY_MS


@pytest.fixture(scope="module")
def world() -> Orders:
    return leaving_world()


@pytest.fixture(scope="module")
def past(world: Orders) -> Past:
    return Past(world, AS_OF_MS)


def with_canary(orders: Orders, from_ms: int) -> Orders:
    """A discount on every order from that moment on: it says who comes back, and is known to nobody before."""
    postings = orders.postings
    discount = np.where(postings.at_ms >= from_ms, 50.0, 0.0)
    return sum_orders(replace(postings, amounts=postings.amounts._replace(discount=discount)), orders.n_customers)


def chances(orders: Orders, as_of_ms: int) -> Doubles:
    learnt = Past(orders, as_of_ms)
    model = fit_churn(learnt, HORIZON).model
    assert model is not None
    return model.probability(learnt.moment(as_of_ms).features)


def test_the_model_stands_where_it_beats_the_rule_beyond_noise(past: Past) -> None:
    fit = fit_churn(past, HORIZON)
    assert fit.method == LOGISTIC
    assert fit.judged is not None
    assert fit.judged.low > 0


def test_the_rule_stands_where_the_model_adds_nothing() -> None:
    rng = np.random.default_rng(0)
    n = 1_000
    days = [rng.uniform(0, 300, rng.poisson(12)) for _ in range(n)]  # all alike: nothing says who comes back
    orders = orders_of_days(np.repeat(np.arange(n), [len(each) for each in days]), np.concatenate(days), None, n)
    fit = fit_churn(Past(orders, AS_OF_MS), HORIZON)
    assert fit.method == VISITS_RULE
    assert fit.model is not None
    assert set(np.flatnonzero(fit.model.coefficient).tolist()) == set(RULE_FEATURES)


def test_a_short_log_gives_no_churn_and_says_why() -> None:
    young = orders_of_days(np.repeat(np.arange(50), 2), np.tile([270.0, 290.0], 50))
    fit = fit_churn(Past(young, AS_OF_MS), HORIZON)
    assert (fit.method, fit.model) == (NONE, None)
    assert "too short" in fit.why_not


def test_few_leavers_give_no_churn_and_say_why() -> None:
    days = np.arange(100, 300, 7.0)
    loyal = orders_of_days(np.repeat(np.arange(50), len(days)), np.tile(days, 50))
    fit = fit_churn(Past(loyal, AS_OF_MS), HORIZON)
    assert (fit.method, fit.model) == (NONE, None)
    assert "too few" in fit.why_not


def test_a_canary_that_knows_only_the_future_helps_nothing(world: Orders) -> None:
    canary = with_canary(world, BEFORE_MS)
    np.testing.assert_array_equal(chances(canary, BEFORE_MS), chances(world, BEFORE_MS))
    at = Past(canary, AS_OF_MS).moment(BEFORE_MS)
    left = Past(canary, AS_OF_MS).churned(at, HORIZON)
    seen = at.features[at.active][:, FEATURES.index("discount_share")]
    assert auc(left[at.active], seen) == 0.5
    later = Past(canary, AS_OF_MS).moment(AS_OF_MS).features[at.active][:, FEATURES.index("discount_share")]
    assert auc(left[at.active], -later) > 0.9  # had it leaked, it would have told almost everything


def test_what_happens_after_the_moment_changes_no_chance(world: Orders) -> None:
    np.testing.assert_array_equal(chances(world, BEFORE_MS), chances(world.until(BEFORE_MS), BEFORE_MS))


def test_chances_of_later_weeks_beat_the_rule(past: Past, world: Orders) -> None:
    moment = past.moment(BEFORE_MS)
    left, active = past.churned(moment, HORIZON), moment.active
    model_auc = auc(left[active], chances(world, BEFORE_MS)[active])
    assert model_auc > auc(left[active], visits_rule(moment.orders, BEFORE_MS)[active]) + 0.02
