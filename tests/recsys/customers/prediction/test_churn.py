"""Churn: who has left, whom the chance is stated for, and the reasons in words."""

import numpy as np
import pytest

from recsys.customers.prediction.churn import NO_REASON, churn_chances, has_churned, is_active, reason_text, visits_rule
from recsys.customers.prediction.features import FEATURES, THEMES, activity_features
from recsys.customers.prediction.logistic import LogisticModel
from recsys.time_units import DAY_MS
from tests.recsys.customers.order_world import orders_of_days

NOW = 200 * DAY_MS
ORDERS = orders_of_days(np.array([0, 0, 1, 2]), np.array([100.0, 195.0, 150.0, 50.0]), n_customers=4)


def model(**coefficients: float) -> LogisticModel:
    values = np.array([coefficients.get(name, 0.0) for name in FEATURES])
    return LogisticModel(np.zeros(len(FEATURES)), np.ones(len(FEATURES)), values, -1.0)


def test_who_orders_within_the_horizon_has_not_churned() -> None:
    later = orders_of_days(np.array([0, 1]), np.array([227.9, 228.0]), n_customers=3)
    assert has_churned(later, NOW, 28).tolist() == [False, True, True]


def test_the_chance_is_stated_for_active_customers_alone() -> None:
    active = is_active(ORDERS, NOW)
    assert active.tolist() == [True, True, False, False]
    chances = churn_chances(model(log_recency=1.0), activity_features(ORDERS, NOW), active)
    assert np.isnan(chances.chance).tolist() == [False, False, True, True]
    assert (chances.reason[2:] == NO_REASON).all()


def test_the_strongest_theme_is_the_first_reason() -> None:
    chances = churn_chances(
        model(log_recency=2.0, log_orders_91=-0.5), activity_features(ORDERS, NOW), is_active(ORDERS, NOW)
    )
    assert [THEMES[theme] for theme in chances.reason[1].tolist() if theme != NO_REASON] == ["recency", "frequency"]
    assert (chances.contribution[1, :2] * (1, -1) > 0).all()


def test_a_reason_is_told_in_words() -> None:
    features = activity_features(ORDERS, NOW)[1]
    assert reason_text(THEMES.index("frequency"), 0.4, features) == (
        "1 order in the last 91 days (more likely to leave)"
    )
    assert reason_text(THEMES.index("recency"), -0.4, features).startswith("last order 50 days ago")


@pytest.mark.parametrize("theme", range(len(THEMES)))
def test_every_theme_has_words(theme: int) -> None:
    assert "likely to leave" in reason_text(theme, 1.0, activity_features(ORDERS, NOW)[0])


def test_the_rule_ranks_by_visits_then_by_recency() -> None:
    orders = orders_of_days(np.array([0, 0, 1, 2]), np.array([190.0, 191.0, 150.0, 190.0]))
    assert np.argsort(-visits_rule(orders, NOW)).tolist() == [1, 2, 0]
