"""Customer summary: sums that add up, moves between stages, and nothing told of few customers."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.customers.aggregates.summary import KeptSummary, concentration, summarize_customers
from recsys.customers.prediction.scored import CustomerScores
from tests.recsys.customers.conftest import Shop


def test_stages_and_groups_add_up_to_all_who_count(shop: Shop) -> None:
    sums = summarize_customers(shop[1], CustomerScores())
    assert (sums["customers"], sums["buyers"]) == (None, 60)  # 61, which would tell of the one visitor
    assert sums["revenue"] == pytest.approx(shop[1].money[shop[1].is_counted].sum(), abs=0.01)
    assert sum(part["customers"] or 0 for part in sums["stages"]) == 60


def test_a_part_of_few_customers_is_not_told(shop: Shop) -> None:
    sums = summarize_customers(shop[1], CustomerScores())
    parts = [*sums["groups"], *sums["stages"], *sums["rfm_grid"], *sums["flow"]["moves"]]
    assert all(part["customers"] in (None, 0) or part["customers"] >= 20 for part in parts)
    assert next(part for part in sums["stages"] if part["name"] == "potential")["customers"] is None


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
    classes = {part["name"]: part["customers"] for part in sums["value_classes"]}
    assert classes["middle"] is None
    assert list(classes.values()).count(None) == 2, "all but one would tell the one"
    moves = {(move["from"], move["to"]): move["customers"] for move in sums["value_flow"]["moves"]}
    assert moves == {("low", "high"): 29, ("low", "middle"): None}


def test_without_values_nothing_is_told_of_them(shop: Shop) -> None:
    sums = summarize_customers(shop[1], CustomerScores())
    assert (sums["value_classes"], sums["value_flow"]) == (None, None)


def test_concentration_is_none_of_equals_and_nearly_all_of_a_single_buyer() -> None:
    equal, single = concentration(np.ones(400)), concentration(np.eye(1, 400)[0])
    assert equal is not None
    assert single is not None
    assert (equal["gini"], equal["top"]["10%"]) == (0, 0.1)
    assert (single["gini"], single["top"]["5%"]) == (0.9975, 1)
    assert single["top"]["1%"] is None, "that is what four customers spent"
    assert concentration(np.ones(5)) is None


def test_the_summary_of_a_release_is_made_once(shop: Shop) -> None:
    table, kept = shop[1], KeptSummary()
    first = kept.read(table, CustomerScores())
    assert first == summarize_customers(table, CustomerScores())
    assert kept.read(table, CustomerScores()) is first
    assert kept.read(replace(table), CustomerScores()) is not first
