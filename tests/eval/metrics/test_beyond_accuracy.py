"""Beyond-accuracy metrics agree with their slow and obvious twins."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.beyond_accuracy import (
    HISTORY_SHARE,
    coverage,
    diversity,
    gini,
    miscalibration,
    novelty,
    overlap,
    popularity_lift,
    shown_times,
    usual_popularity,
    vector_diversity,
)
from eval.metrics.ranked_lists import RankedLists
from recsys.data.dataset.histories import Histories
from recsys.testing import interactions_of

N_ITEMS = 7
LISTS = st.lists(st.lists(st.integers(0, N_ITEMS - 1), unique=True, max_size=4), min_size=1, max_size=6)


def lists_of(rows: Sequence[Sequence[int]]) -> RankedLists:
    item = np.full((len(rows), 4), N_ITEMS - 1, np.int32)  # what lies behind a list's end must not matter
    for places, row in zip(item, rows, strict=True):
        places[: len(row)] = row
    return RankedLists(item, np.array([len(row) for row in rows], np.int32))


def slow_gini(times: Sequence[int]) -> float:
    n, total = len(times), sum(times)
    return sum(abs(a - b) for a in times for b in times) / (2 * n * total) if total else math.nan


@given(rows=LISTS, k=st.integers(1, 5))
def test_the_shelf_agrees_with_its_slow_twin(rows: list[list[int]], k: int) -> None:
    slow = [sum(item in row[:k] for row in rows) for item in range(N_ITEMS)]
    times = shown_times(lists_of(rows), k, N_ITEMS)
    assert times.tolist() == slow
    assert coverage(times) == len({item for row in rows for item in row[:k]}) / N_ITEMS
    assert gini(times) == pytest.approx(slow_gini(slow), nan_ok=True)


@given(rows=LISTS, k=st.integers(1, 5), customers=st.lists(st.integers(0, 9), min_size=N_ITEMS, max_size=N_ITEMS))
def test_novelty_agrees_with_its_slow_twin(rows: list[list[int]], k: int, customers: list[int]) -> None:
    def bits(item: int) -> float:
        return math.log2(9 / max(customers[item], 1))

    slow = [sum(map(bits, row[:k])) / len(row[:k]) if row else math.nan for row in rows]
    result = novelty(lists_of(rows), k, np.array(customers), 9)
    np.testing.assert_allclose(result, slow, atol=1e-12)


def test_one_item_for_everybody_is_as_uneven_as_it_gets_and_all_alike_is_even() -> None:
    assert gini(np.array([0, 0, 0, 12])) == pytest.approx(3 / 4)
    assert gini(np.array([5, 5, 5, 5])) == 0.0


def test_what_everybody_has_is_no_news_and_what_half_have_is_one_bit() -> None:
    result = novelty(lists_of([[0], [1]]), 4, np.array([8, 4, 1, 1, 1, 1, 1]), 8)
    np.testing.assert_allclose(result, [0.0, 1.0])


def test_an_empty_shelf_has_no_share() -> None:
    assert math.isnan(coverage(np.empty(0, np.int64)))
    assert math.isnan(gini(np.zeros(3, np.int64)))


CATEGORY = st.lists(st.integers(0, 3), min_size=N_ITEMS, max_size=N_ITEMS)
BOUGHT = st.lists(st.lists(st.integers(0, N_ITEMS - 1), max_size=5), min_size=6, max_size=6)


def histories_of(rows: Sequence[Sequence[int]]) -> Histories:
    user = [at for at, row in enumerate(rows) for _ in row]
    item = [each for row in rows for each in row]
    columns = np.array(user, np.int32), np.array(item, np.int32)
    return interactions_of(*columns, n_users=len(rows), n_items=N_ITEMS).histories


def slow_share(row: Sequence[int], category: Sequence[int]) -> float:
    pairs = [(category[a], category[b]) for a, b in combinations(row, 2) if category[a] and category[b]]
    return sum(a != b for a, b in pairs) / len(pairs) if pairs else math.nan


def slow_cosines(row: Sequence[int], vectors: np.ndarray) -> float:
    known = [vectors[item] for item in row if np.linalg.norm(vectors[item])]
    pairs = [float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in combinations(known, 2)]
    return 1 - sum(pairs) / len(pairs) if pairs else math.nan


def slow_divergence(row: Sequence[int], bought: Sequence[int], category: Sequence[int]) -> float:
    p, q = (Counter(category[item] for item in items if category[item]) for items in (bought, row))
    if not p or not q:
        return math.nan
    total = 0.0
    for code, count in p.items():
        usual = count / p.total()
        total += usual * math.log(usual / ((1 - HISTORY_SHARE) * q[code] / q.total() + HISTORY_SHARE * usual))
    return total


@given(rows=LISTS, k=st.integers(1, 5), category=CATEGORY)
def test_diversity_agrees_with_its_slow_twin(rows: list[list[int]], k: int, category: list[int]) -> None:
    result = diversity(lists_of(rows), k, np.array(category, np.int32))
    np.testing.assert_allclose(result, [slow_share(row[:k], category) for row in rows], atol=1e-12)


@given(rows=LISTS, k=st.integers(1, 5), seed=st.integers(0, 5))
def test_diversity_of_vectors_agrees_with_its_slow_twin(rows: list[list[int]], k: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(N_ITEMS, 3)).astype(np.float32)
    vectors[seed] = 0
    result = vector_diversity(lists_of(rows), k, vectors)
    np.testing.assert_allclose(result, [slow_cosines(row[:k], vectors) for row in rows], atol=1e-5)


@given(rows=LISTS, k=st.integers(1, 5), category=CATEGORY, bought=BOUGHT)
def test_miscalibration_agrees_with_its_slow_twin(
    rows: list[list[int]], k: int, category: list[int], bought: list[list[int]]
) -> None:
    result = miscalibration(
        lists_of(rows), k, np.array(category, np.int32), histories_of(bought).take(range(len(rows)))
    )
    slow = [slow_divergence(row[:k], had, category) for row, had in zip(rows, bought, strict=False)]
    np.testing.assert_allclose(result, slow, atol=1e-12)


@given(rows=LISTS, k=st.integers(1, 5), bought=BOUGHT, seed=st.integers(0, 5))
def test_popularity_lift_agrees_with_its_slow_twin(
    rows: list[list[int]], k: int, bought: list[list[int]], seed: int
) -> None:
    customers = np.random.default_rng(seed).integers(1, 9, N_ITEMS)
    both = [(row[:k], set(had)) for row, had in zip(rows, bought, strict=False) if row and had]
    shown, usual = (
        (sum(np.mean([customers[item] for item in items]) for items in column) for column in zip(*both, strict=True))
        if both
        else (math.nan, math.nan)
    )
    usual_of_each = usual_popularity(histories_of(bought).take(range(len(rows))), customers)
    result = popularity_lift(lists_of(rows), k, customers, usual_of_each)
    assert result == pytest.approx(shown / usual - 1, nan_ok=True)


@given(rows=LISTS, others=LISTS, k=st.integers(1, 5))
def test_overlap_agrees_with_its_slow_twin(rows: list[list[int]], others: list[list[int]], k: int) -> None:
    n = min(len(rows), len(others))
    slow = [
        len(set(a[:k]) & set(b[:k])) / max(len(a[:k]), len(b[:k])) if a or b else math.nan
        for a, b in zip(rows[:n], others[:n], strict=True)
    ]
    np.testing.assert_allclose(overlap(lists_of(rows[:n]), lists_of(others[:n]), k), slow, atol=1e-12)


def test_a_list_with_the_shares_of_the_history_is_calibrated_and_one_of_elsewhere_is_not() -> None:
    category = np.array([1, 1, 2, 2, 3, 3, 0], np.int32)
    history = histories_of([[0, 2], [0, 2]])
    same, elsewhere = miscalibration(lists_of([[1, 3], [4, 5]]), 2, category, history)
    assert same == pytest.approx(0.0)
    assert elsewhere == pytest.approx(-math.log(HISTORY_SHARE))
