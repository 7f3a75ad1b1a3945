"""Every metric agrees with its slow and obvious twin, and with lists worked out by hand."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.accuracy import METRICS, MatchedLists, match, mean, score
from eval.metrics.held_back import HeldBack, build_held_back
from eval.metrics.ranked_lists import RankedLists
from recsys.errors import BadInput

Shown = Sequence[int]
Bought = dict[int, float]  # money by item


def lists_of(rows: Sequence[Shown], places: int) -> RankedLists:
    item = np.full((len(rows), places), 9, np.int32)  # what lies behind a list's end must not matter
    for places_of_row, row in zip(item, rows, strict=True):
        places_of_row[: len(row)] = row
    return RankedLists(item, np.array([len(row) for row in rows], np.int32))


def bought_of(rows: Sequence[Bought]) -> HeldBack:
    lines = [(q, item, money) for q, row in enumerate(rows) for item, money in row.items()]
    customer, item, money = zip(*lines, strict=True) if lines else ((), (), ())
    return build_held_back(
        np.array(customer, np.int32), np.array(item, np.int32), np.array(money, np.float64), n_customers=len(rows)
    )


def outcome_of(shown: Sequence[Shown], bought: Sequence[Bought], places: int = 5) -> MatchedLists:
    return match(lists_of(shown, places), bought_of(bought))


def slow_ndcg(shown: Shown, bought: Bought, k: int) -> float:
    gained = sum(1 / math.log2(rank + 1) for rank, item in enumerate(shown[:k], 1) if item in bought)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(bought)) + 1))


def slow_map(shown: Shown, bought: Bought, k: int) -> float:
    total = 0.0
    for rank, item in enumerate(shown[:k], 1):
        if item in bought:
            total += len(set(shown[:rank]) & set(bought)) / rank
    return total / min(k, len(bought))


def slow_mrr(shown: Shown, bought: Bought, k: int) -> float:
    return next((1 / rank for rank, item in enumerate(shown[:k], 1) if item in bought), 0.0)


def slow_revenue(shown: Shown, bought: Bought, k: int) -> float:
    total = sum(bought.values())
    return sum(bought.get(item, 0.0) for item in shown[:k]) / total if total else math.nan


SLOW: dict[str, Callable[[Shown, Bought, int], float]] = {
    "ndcg": slow_ndcg,
    "precision": lambda shown, bought, k: len(set(shown[:k]) & set(bought)) / k,
    "recall": lambda shown, bought, k: len(set(shown[:k]) & set(bought)) / len(bought),
    "map": slow_map,
    "mrr": slow_mrr,
    "hit": lambda shown, bought, k: float(bool(set(shown[:k]) & set(bought))),
    "revenue_recall": slow_revenue,
}

ITEMS = st.integers(0, 12)
SHOWN = st.lists(ITEMS, unique=True, max_size=5)
BOUGHT = st.dictionaries(ITEMS, st.sampled_from([0.0, 0.25, 1.0, 3.5]), max_size=8)
WORLD = st.lists(st.tuples(SHOWN, BOUGHT), min_size=0, max_size=6)


@pytest.mark.parametrize("name", sorted(METRICS))
@given(world=WORLD, k=st.integers(1, 8))
def test_a_metric_agrees_with_its_slow_twin(name: str, world: list[tuple[Shown, Bought]], k: int) -> None:
    values = METRICS[name](outcome_of([shown for shown, _ in world], [bought for _, bought in world]), k)
    expected = [SLOW[name](shown, bought, k) if bought else math.nan for shown, bought in world]
    np.testing.assert_allclose(values, np.array(expected, np.float64), rtol=1e-12)
    assert values.dtype == np.float64


@pytest.mark.parametrize("name", sorted(METRICS))
@given(world=WORLD, k=st.integers(1, 8))
def test_a_metric_lies_between_0_and_1(name: str, world: list[tuple[Shown, Bought]], k: int) -> None:
    values = METRICS[name](outcome_of([shown for shown, _ in world], [bought for _, bought in world]), k)
    known = values[~np.isnan(values)]
    assert np.all((known >= 0) & (known <= 1 + 1e-12))


def test_each_metric_of_one_list_worked_out_by_hand() -> None:
    outcome = outcome_of([[4, 7, 1, 2]], [{7: 6.0, 2: 1.0, 5: 3.0}])
    values = {name: float(values[0]) for name, values in score(outcome, 4).items()}
    assert values == pytest.approx(
        {
            "ndcg@4": (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 0.5),
            "precision@4": 2 / 4,
            "recall@4": 2 / 3,
            "map@4": (1 / 2 + 2 / 4) / 3,
            "mrr@4": 1 / 2,
            "hit@4": 1.0,
            "revenue_recall@4": 7 / 10,
        }
    )


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"precision", "recall", "revenue_recall"}))
def test_the_best_possible_list_scores_1_however_much_was_bought(name: str) -> None:
    outcome = outcome_of([[1, 2, 3], [7]], [dict.fromkeys(range(1, 9), 1.0), {7: 1.0}])
    np.testing.assert_allclose(METRICS[name](outcome, 3), [1.0, 1.0])


@pytest.mark.parametrize("name", sorted(METRICS))
def test_who_bought_nothing_is_not_judged_and_does_not_move_the_mean(name: str) -> None:
    values = METRICS[name](outcome_of([[1, 2], [1, 2]], [{}, {2: 1.0}]), 2)
    assert np.isnan(values[0])
    assert mean(values) == values[1] > 0


def test_the_mean_over_nobody_is_no_number() -> None:
    assert math.isnan(mean(np.array([np.nan, np.nan])))
    assert math.isnan(mean(np.empty(0)))


def test_part_of_what_was_held_back_can_be_judged_alone() -> None:
    held_back = bought_of([{1: 1.0, 2: 2.0}, {2: 3.0}, {4: 5.0}])
    new = held_back.only(held_back.item == 2)
    outcome = match(lists_of([[1, 2], [2], [4]], 2), new)
    np.testing.assert_array_equal(outcome.hit, [[False, True], [True, False], [False, False]])
    np.testing.assert_array_equal(outcome.n_held_back, [1, 1, 0])
    np.testing.assert_array_equal(outcome.money_held_back, [2.0, 3.0, 0.0])


def test_one_customer_never_earns_the_hits_of_another() -> None:
    outcome = outcome_of([[1], [2]], [{2: 1.0}, {1: 1.0}])
    assert not outcome.hit.any()


def test_an_item_no_model_has_heard_of_counts_as_missed() -> None:
    outcome = outcome_of([[1, 2]], [{1: 1.0, 2_000_000_000: 1.0}])
    assert METRICS["recall"](outcome, 2)[0] == 0.5


def test_lists_and_customers_must_be_as_many() -> None:
    with pytest.raises(BadInput, match="2 lists for 1 customers"):
        outcome_of([[1], [2]], [{1: 1.0}])


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_list_of_no_places_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="k = 0"):
        METRICS[name](outcome_of([[1]], [{1: 1.0}]), 0)
