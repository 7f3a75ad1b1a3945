"""Predictions on a card: from the parts of the release, or blank with the reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.customers.prediction.churn import NO_REASON, REASONS
from recsys.customers.prediction.features import FEATURES
from recsys.customers.prediction.logistic import LogisticModel
from recsys.customers.prediction.needs import NEED_FEATURES, CategoryNeeds, NeedsModel
from recsys.customers.prediction.scored import NOT_LEARNT, UNKNOWN, CustomerScores
from recsys.data.ids import MISSING
from recsys.models.buy_again import BuyAgainModel
from recsys.ranking.recommender import Recommender, open_recommender
from recsys.ranking.targeting.customer_predictions import SINCE_RELEASE, customer_predictions


@pytest.fixture(scope="module")
def recommender(trained_home: Path) -> Recommender:
    return open_recommender(trained_home, None)


def learnt_scores(n_users: int) -> CustomerScores:
    """Scores as a longer log would give them: the same of everybody, with no chance for 91 days."""
    every, none = np.full(n_users, 0.25), np.full(n_users, np.nan)
    return CustomerScores(
        as_of_ms=7,
        value=every * 50,
        value_low=every * 20,
        value_high=every * 90,
        value_margin=none,
        value_method=0,
        value_class=np.full(n_users, 2, np.int8),
        value_class_before=np.full(n_users, UNKNOWN, np.int8),
        churn_28=every,
        churn_56=every * 2,
        churn_91=none,
        churn_method=np.array([2, 1, 0], np.int8),
        churn_reason=np.full((n_users, 3, REASONS), NO_REASON, np.int8),
        churn_contribution=np.zeros((n_users, 3, REASONS), np.float32),
        features=np.zeros((n_users, len(FEATURES)), np.float32),
    )


def test_what_the_release_learnt_of_a_customer_stands_with_its_moment(recommender: Recommender) -> None:
    engine = replace(recommender.engine, customer_scores=learnt_scores(len(recommender.engine.users)))
    parts, reasons = customer_predictions(engine, recommender.catalogue, 3, ())
    value, churn = parts["value"], parts["churn"]
    assert (value["amount"], value["low"], value["high"], value["margin"]) == (12.5, 5.0, 22.5, None)
    assert (value["class"], value["class_before"], value["as_of"], churn["as_of"]) == ("high", None, 7, 7)
    assert [churn[f"within_{days}_days"]["chance"] for days in (28, 56, 91)] == [0.25, 0.5, None]
    assert [churn[f"within_{days}_days"]["method"] for days in (28, 56, 91)] == ["logistic", "visits_91", "none"]
    assert reasons["churn.within_91_days"] == NOT_LEARNT
    assert "churn.within_28_days" not in reasons


def test_needs_rise_with_the_horizon_and_name_items_in_stock(recommender: Recommender) -> None:
    parts, reasons = customer_predictions(recommender.engine, recommender.catalogue, 3, ())
    if parts["needs"] is None:
        assert reasons["needs"]
    for need in parts["needs"] or ():
        assert 0 <= need["within_7_days"] <= need["within_14_days"] <= need["within_28_days"] <= 1


def test_needs_of_categories_say_whether_model_or_rule_stands(recommender: Recommender) -> None:
    n = len(NEED_FEATURES)
    rule = LogisticModel(np.zeros(n), np.ones(n), np.eye(n)[NEED_FEATURES.index("log_days")], -3.0)
    words = recommender.catalogue.category.words
    buy_again = BuyAgainModel(np.ones(len(words), np.float32), 90.0)
    needs = CategoryNeeds.of_models(NeedsModel(rule, rule, rule), buy_again)
    parts, _ = customer_predictions(replace(recommender.engine, category_needs=needs), recommender.catalogue, 3, ())
    rows = parts["category_needs"]
    assert rows
    assert {row["category"] for row in rows} <= set(words) - {""}
    assert {row["method"] for row in rows} == {"frequency"}
    chances = [row["within_14_days"] for row in rows]
    assert chances == sorted(chances, reverse=True)


def test_a_customer_who_came_since_has_neither_value_nor_churn(recommender: Recommender) -> None:
    parts, reasons = customer_predictions(recommender.engine, recommender.catalogue, MISSING, ())
    assert (parts["value"], parts["churn"]) == (None, None)
    assert reasons["value"] == SINCE_RELEASE


def test_a_release_without_predictions_says_so(recommender: Recommender) -> None:
    engine = replace(
        recommender.engine, customer_scores=CustomerScores(value=np.empty(0)), needs=None, category_needs=None
    )
    parts, reasons = customer_predictions(engine, recommender.catalogue, 3, ())
    assert set(parts.values()) == {None}
    assert set(reasons.values()) == {NOT_LEARNT}
