"""Churn: who has left, whom the chance is stated for, and the reasons in words."""

import numpy as np
import pytest

from recsys.arrays import Doubles
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


def words(theme: str, contribution: float, features: Doubles, gap_days: float = np.nan) -> str:
    return reason_text(THEMES.index(theme), contribution, features, as_of_ms=NOW, gap_days=gap_days)


def test_a_reason_says_what_raises_or_lowers_the_chance() -> None:
    features = activity_features(ORDERS, NOW)
    assert words("frequency", 0.4, features[1]) == "raises it: only 1 order in the last 91 days"
    assert words("recency", 0.4, features[1]) == "raises it: no order for 50 days"
    assert words("recency", -0.4, features[0]) == "lowers it: last order 5 days ago, within their mean gap of 95 days"
    assert words("rhythm", -0.4, features[0], 6.5) == (
        "lowers it: comes regularly: usually 6.5 days between orders, at most 95 days"
    )


def test_a_reason_counts_midnights_as_the_card_does() -> None:
    orders = orders_of_days(np.array([0, 1]), np.array([198.99, 199.0]), n_customers=2)
    features = activity_features(orders, NOW + DAY_MS // 2).astype(np.float32).astype(np.float64)
    said = [
        reason_text(THEMES.index("recency"), 1.0, row, as_of_ms=NOW + DAY_MS // 2, gap_days=np.nan) for row in features
    ]
    assert said == ["raises it: no order for 2 days", "raises it: no order for 1 day"]


def test_what_points_against_its_words_is_no_reason() -> None:
    features = activity_features(ORDERS, NOW)
    odd = churn_chances(model(log_recency=1.0, log_money_91=0.5), features, is_active(ORDERS, NOW))
    assert [THEMES[theme] for theme in odd.reason[1].tolist() if theme != NO_REASON] == ["recency"]
    plain = churn_chances(model(log_recency=1.0, log_money_91=-0.5), features, is_active(ORDERS, NOW))
    assert [THEMES[theme] for theme in plain.reason[1].tolist() if theme != NO_REASON] == ["recency", "money"]


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_has_words(theme: str) -> None:
    row = activity_features(ORDERS, NOW)[0]
    assert words(theme, 1.0, row).startswith("raises it: ")
    assert words(theme, -1.0, row).startswith("lowers it: ")


def test_the_rule_ranks_by_visits_then_by_recency() -> None:
    orders = orders_of_days(np.array([0, 0, 1, 2]), np.array([190.0, 191.0, 150.0, 190.0]))
    assert np.argsort(-visits_rule(orders, NOW)).tolist() == [1, 2, 0]
