"""Candidates: the best eligible items, whatever items are likely; a blend adds up parts on one scale by weight."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.models.candidates import NO_CANDIDATES, Candidates, best, blended


@given(
    scores=st.lists(st.integers(-2, 6), min_size=1, max_size=40),
    k=st.integers(1, 12),
    data=st.data(),
)
def test_likely_items_do_not_change_the_candidates(scores: list[int], k: int, data: st.DataObject) -> None:
    n = len(scores)
    eligible = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    likely = np.array(data.draw(st.lists(st.integers(0, n - 1), unique=True)), np.int32)
    column = np.array(scores, np.float32)
    plain, quick = best(column, eligible, k), best(column, eligible, k, likely)
    assert quick.items.tolist() == plain.items.tolist()
    assert quick.scores.tolist() == plain.scores.tolist()


def test_only_eligible_items_above_zero_are_candidates() -> None:
    scores = np.array([3.0, 0.0, 5.0, -1.0, 5.0], np.float32)
    candidates_found = best(scores, np.array([True, True, False, True, True]), 10)
    assert candidates_found.items.tolist() == [4, 0]


@given(
    scores=st.lists(st.integers(-3, 6), min_size=1, max_size=30),
    mask=st.lists(st.booleans(), min_size=30, max_size=30),
    k=st.integers(1, 40),
)
def test_the_best_are_the_best_with_ties_by_position(scores: list[int], mask: list[bool], k: int) -> None:
    eligible = np.array(mask[: len(scores)])
    candidates_found = best(np.array(scores, np.float32), eligible, k)
    slow = sorted(
        (at for at, score in enumerate(scores) if score > 0 and eligible[at]), key=lambda at: (-scores[at], at)
    )
    assert candidates_found.items.tolist() == slow[:k]


def candidates(*items: int, scores: tuple[float, ...] | None = None) -> Candidates:
    falling = scores or tuple(float(len(items) - at) for at in range(len(items)))
    return Candidates(np.array(items, np.int32), np.array(falling, np.float32))


def test_a_part_with_high_scores_counts_no_more_than_its_weight() -> None:
    loud, quiet = candidates(1, 2, scores=(1e6, 1e6)), candidates(3, scores=(1e-6,))
    assert blended([(loud, 0.5), (quiet, 0.5)], 1).items.tolist() == [3]


def test_parts_without_weight_or_candidates_are_ignored() -> None:
    assert blended([(candidates(1), 0.0), (NO_CANDIDATES, 1.0)], 5) is NO_CANDIDATES
