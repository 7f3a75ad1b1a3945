"""Customer summary: sums that add up, moves between stages, and nothing told of few customers."""

import numpy as np
import pytest

from recsys.customers.prediction.scored import CustomerScores
from recsys.customers.summary import concentration, summarize_customers
from tests.recsys.customers.conftest import Shop


def test_stages_and_groups_add_up_to_all_who_count(shop: Shop) -> None:
    sums = summarize_customers(shop[1], CustomerScores())
    assert (sums["customers"], sums["buyers"]) == (61, 60)
    assert sums["revenue"] == pytest.approx(shop[1].money[shop[1].is_counted].sum(), abs=0.01)
    assert sum(part["customers"] or 0 for part in sums["stages"]) == 60  # the one visitor is not told


def test_a_part_of_few_customers_is_not_told(shop: Shop) -> None:
    sums = summarize_customers(shop[1], CustomerScores())
    parts = [*sums["groups"], *sums["stages"], *sums["rfm_grid"], *sums["flow"]["moves"]]
    assert all(part["customers"] in (None, 0) or part["customers"] >= 20 for part in parts)
    assert any(part["customers"] is None for part in parts)


def test_the_month_moved_new_customers_to_growing(shop: Shop) -> None:
    moves = {
        (move["from"], move["to"]): move["customers"]
        for move in summarize_customers(shop[1], CustomerScores())["flow"]["moves"]
    }
    assert moves["new", "growing"] == 60


def test_classes_of_value_move_from_a_month_ago_and_few_are_not_told(shop: Shop) -> None:
    n = len(shop[1])
    before, now = np.zeros(n, np.int8), np.zeros(n, np.int8)
    now[:30], now[30:33] = 2, 1
    scores = CustomerScores(value=np.ones(n), value_method=0, value_class=now, value_class_before=before)
    sums = summarize_customers(shop[1], scores)
    assert {part["name"]: part["customers"] for part in sums["value_classes"]} == {
        "low": 29,
        "middle": None,
        "high": 29,
    }
    moves = {(move["from"], move["to"]): move["customers"] for move in sums["value_flow"]["moves"]}
    assert moves == {("low", "high"): 29, ("low", "middle"): None}


def test_without_values_nothing_is_told_of_them(shop: Shop) -> None:
    sums = summarize_customers(shop[1], CustomerScores())
    assert (sums["value_classes"], sums["value_flow"]) == (None, None)


def test_concentration_is_none_of_equals_and_nearly_all_of_a_single_buyer() -> None:
    equal, single = concentration(np.ones(100)), concentration(np.eye(1, 100)[0])
    assert equal is not None
    assert single is not None
    assert (equal["gini"], equal["top"]["10%"]) == (0, 0.1)
    assert (single["gini"], single["top"]["1%"]) == (0.99, 1)
    assert concentration(np.ones(5)) is None
