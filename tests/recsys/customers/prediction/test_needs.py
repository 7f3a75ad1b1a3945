"""Needs: the pairs that may be bought again, their chance by horizon, and categories in the place of items."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.customers.prediction.logistic import LogisticModel
from recsys.customers.prediction.needs import NEED_FEATURES, CategoryNeeds, NeedsModel, bought_within, need_pairs
from recsys.data.dataset.histories import Histories, build_histories
from recsys.data.events import PURCHASE, RETURN
from recsys.models.buy_again import BuyAgainModel

MODEL = BuyAgainModel(np.ones(3, np.float32), 90.0)
NOW = 100.0


def histories(rows: list[tuple[int, int, float, int]], now: float = NOW) -> Histories:
    user, item, at, kind = (np.array(column) for column in zip(*rows, strict=True))
    return build_histories(
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        at=at.astype(np.float64),
        weight=np.ones(len(at), np.float32),
        kind=kind.astype(np.int8),
        n_users=2,
        n_items=3,
        now=now,
    )


def logistic(intercept: float) -> LogisticModel:
    n = len(NEED_FEATURES)
    return LogisticModel(np.zeros(n), np.ones(n), np.zeros(n), intercept)


def test_pairs_were_bought_on_two_days_and_lately() -> None:
    days = [(0, 0, 60.0), (0, 0, 90.0), (0, 1, 95.1), (0, 1, 95.9), (1, 2, -150.0), (1, 2, -100.0)]
    pairs = need_pairs(MODEL, histories([(*row, PURCHASE) for row in days]))
    assert (pairs.customer.tolist(), pairs.item.tolist()) == ([0], [0])
    assert (pairs.n_days[0], pairs.gap_days[0], pairs.age_days[0]) == (2, 30, 10)
    assert pairs.score[0] > 0


def test_days_of_the_last_weeks_are_counted_each_once() -> None:
    days = [(0, 0, 2.0), (0, 0, 60.0), (0, 0, 75.0), (0, 0, 90.1), (0, 0, 90.9), (1, 0, 1.0), (1, 0, 5.0)]
    pairs = need_pairs(MODEL, histories([(*row, PURCHASE) for row in days]))
    assert (pairs.n_days.tolist(), pairs.recent_days.tolist()) == ([4, 2], [[2, 3], [0, 0]])
    assert pairs.features().shape == (2, len(NEED_FEATURES))


def test_an_item_that_was_sent_back_is_no_need() -> None:
    rows = [(0, 0, 60.0, PURCHASE), (0, 0, 90.0, PURCHASE), (0, 0, 91.0, RETURN), (0, 0, 92.0, RETURN)]
    assert len(need_pairs(MODEL, histories(rows)).item) == 0


def test_what_was_bought_from_the_moment_on_counts_until_its_end() -> None:
    early = [(0, 0, 60.0, PURCHASE), (0, 0, 90.0, PURCHASE), (1, 0, 60.0, PURCHASE), (1, 0, 90.0, PURCHASE)]
    pairs = need_pairs(MODEL, histories(early))
    later = histories([*early, (0, 0, 113.9, PURCHASE), (1, 0, 114.0, PURCHASE)])
    assert bought_within(later, pairs, NOW + 14).tolist() == [True, False]


def test_a_longer_horizon_never_has_a_lower_chance() -> None:
    pairs = need_pairs(MODEL, histories([(0, 0, 60.0, PURCHASE), (0, 0, 90.0, PURCHASE)]))
    model = NeedsModel(logistic(-2.0), logistic(-3.0), logistic(0.0))
    chances = [model.chance(pairs, days)[0] for days in (1, 7, 10, 14, 21, 28, 60)]
    assert chances == sorted(chances)
    assert chances[0] == chances[1] == pytest.approx(1 / (1 + np.exp(2)))
    assert chances[4] == pytest.approx((chances[3] + chances[5]) / 2)


def test_a_stored_model_is_the_same_when_opened() -> None:
    model = NeedsModel(logistic(-2.0), logistic(-1.0), logistic(0.0))
    opened = NeedsModel.from_arrays(model.arrays())
    assert set(NeedsModel.specs()) == set(model.arrays())
    assert opened.within_14.intercept == -1.0


def test_categories_learnt_are_the_same_when_opened_and_later_ones_are_left_out() -> None:
    chances = NeedsModel(logistic(-2.0), logistic(-1.0), logistic(0.0))
    needs = CategoryNeeds.of_models(chances, MODEL)
    opened = CategoryNeeds.from_arrays(needs.arrays())
    assert set(CategoryNeeds.specs()) == set(needs.arrays())
    rows = [(0, 0, 60.0, PURCHASE), (0, 0, 90.0, PURCHASE), (0, 1, 60.0, PURCHASE), (0, 1, 90.0, PURCHASE)]
    category = np.array([1, len(MODEL.loyalty)] + [0] * 8, np.int32)
    assert opened.pairs(histories(rows), category).item.tolist() == [1]


def test_frequency_puts_more_days_first_and_of_equals_the_later() -> None:
    rows = [(0, 0, 60.0, PURCHASE), (0, 0, 80.0, PURCHASE), (0, 1, 60.0, PURCHASE), (0, 1, 90.0, PURCHASE)]
    first, second = need_pairs(MODEL, histories(rows)).frequency()
    assert first < second


def test_a_model_of_the_rule_says_so() -> None:
    rule = replace(logistic(0.0), coefficient=np.array([0, 0, 0, 0, 1.0, -1.0]))
    model = replace(logistic(0.0), coefficient=np.ones(6))
    needs = NeedsModel(rule, model, model)
    assert [needs.method(days) for days in (7, 10, 14)] == ["frequency", "logistic", "logistic"]
