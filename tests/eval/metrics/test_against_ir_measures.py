"""Our metrics equal those of an independent library, list for list."""

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, Measure, P, R, Success, nDCG

from eval.metrics.accuracy import METRICS, match
from eval.metrics.held_back import build_held_back
from eval.metrics.ranked_lists import RankedLists

THEIRS = {"ndcg": nDCG, "precision": P, "recall": R, "mrr": RR, "hit": Success}
ITEMS = st.integers(0, 15)
WORLD = st.lists(
    st.tuples(st.lists(ITEMS, unique=True, min_size=1, max_size=8), st.sets(ITEMS, min_size=1, max_size=10)),
    min_size=1,
    max_size=5,
)


def ours(world: list[tuple[list[int], set[int]]], name: str, k: int) -> list[float]:
    item = np.zeros((len(world), 8), np.int32)
    for row, (shown, _) in enumerate(world):
        item[row, : len(shown)] = shown
    customer, bought = zip(*((q, each) for q, (_, relevant) in enumerate(world) for each in relevant), strict=True)
    held_back = build_held_back(np.array(customer), np.array(bought), np.zeros(len(bought)), n_customers=len(world))
    lists = RankedLists(item, np.array([len(shown) for shown, _ in world], np.int32))
    return [float(value) for value in METRICS[name](match(lists, held_back), k)]


def theirs(world: list[tuple[list[int], set[int]]], measure: Measure) -> list[float]:
    relevant = {str(q): {str(item): 1 for item in items} for q, (_, items) in enumerate(world)}
    shown = {str(q): {str(item): 1.0 / rank for rank, item in enumerate(row, 1)} for q, (row, _) in enumerate(world)}
    expected = {result.query_id: result.value for result in ir_measures.iter_calc([measure], relevant, shown)}
    return [expected[str(q)] for q in range(len(world))]


@pytest.mark.parametrize("name", sorted(THEIRS))
@given(world=WORLD, k=st.sampled_from([1, 3, 5, 10]))
def test_a_metric_equals_theirs(name: str, world: list[tuple[list[int], set[int]]], k: int) -> None:
    assert ours(world, name, k) == pytest.approx(theirs(world, THEIRS[name] @ k), abs=1e-6)


@given(world=WORLD, k=st.sampled_from([1, 3, 5, 10]))
def test_map_equals_theirs_up_to_what_a_short_list_can_hold(world: list[tuple[list[int], set[int]]], k: int) -> None:
    """They divide by all that was relevant; we by what fits into the list, so that the best list scores 1."""
    fits = [min(len(relevant), k) / len(relevant) for _, relevant in world]
    expected = [value * share for value, share in zip(ours(world, "map", k), fits, strict=True)]
    assert expected == pytest.approx(theirs(world, AP @ k), abs=1e-6)
