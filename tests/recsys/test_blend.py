"""A blend is as good as its best part, and no part shouts louder than its weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.arrays import Ints
from recsys.models.blend import NOBODY, Candidates, best, blended, learn_weights


def candidates(*items: int, scores: tuple[float, ...] | None = None) -> Candidates:
    falling = scores or tuple(float(len(items) - at) for at in range(len(items)))
    return Candidates(np.array(items, np.int32), np.array(falling, np.float32))


def ndcg_of(part: Candidates, chosen: Ints, k: int = 10) -> float:
    """nDCG said slowly."""
    gains = [1 / np.log2(rank + 2) for rank, item in enumerate(part.items[:k]) if item in chosen]
    return float(sum(gains) / sum(1 / np.log2(rank + 2) for rank in range(min(k, len(chosen)))))


@given(
    scores=st.lists(st.integers(-2, 6), min_size=1, max_size=40),
    k=st.integers(1, 12),
    data=st.data(),
)
def test_likely_items_change_no_answer(scores: list[int], k: int, data: st.DataObject) -> None:
    n = len(scores)
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    likely = np.array(data.draw(st.lists(st.integers(0, n - 1), unique=True)), np.int32)
    column = np.array(scores, np.float32)
    plain, quick = best(column, allowed, k), best(column, allowed, k, likely)
    assert quick.items.tolist() == plain.items.tolist()
    assert quick.scores.tolist() == plain.scores.tolist()


def test_only_allowed_items_above_zero_are_candidates() -> None:
    scores = np.array([3.0, 0.0, 5.0, -1.0, 5.0], np.float32)
    found = best(scores, np.array([True, True, False, True, True]), 10)
    assert found.items.tolist() == [4, 0]


@given(
    scores=st.lists(st.integers(-3, 6), min_size=1, max_size=30),
    mask=st.lists(st.booleans(), min_size=30, max_size=30),
    k=st.integers(1, 40),
)
def test_the_best_are_the_best_with_ties_by_position(scores: list[int], mask: list[bool], k: int) -> None:
    allowed = np.array(mask[: len(scores)])
    found = best(np.array(scores, np.float32), allowed, k)
    slow = sorted(
        (at for at, score in enumerate(scores) if score > 0 and allowed[at]), key=lambda at: (-scores[at], at)
    )
    assert found.items.tolist() == slow[:k]


def test_a_loud_part_counts_no_more_than_its_weight() -> None:
    loud, quiet = candidates(1, 2, scores=(1e6, 1e6)), candidates(3, scores=(1e-6,))
    assert blended([(loud, 0.5), (quiet, 0.5)], 1).items.tolist() == [3]


def test_parts_without_weight_or_candidates_are_not_heard() -> None:
    assert blended([(candidates(1), 0.0), (NOBODY, 1.0)], 5) is NOBODY


def test_a_blend_is_never_worse_than_its_best_part() -> None:
    rng = np.random.default_rng(3)
    truth = [np.sort(rng.choice(50, 6, replace=False)).astype(np.int32) for _ in range(80)]
    good = [candidates(*(int(i) for i in rng.permutation([*chosen[:3], *rng.choice(50, 9)])[:8])) for chosen in truth]
    good = [candidates(*dict.fromkeys(part.items.tolist())) for part in good]
    noise = [candidates(*(int(i) for i in rng.choice(50, 12, replace=False))) for _ in truth]
    weights = learn_weights({"good": good, "noise": noise}, truth)

    def reached(shares: dict[str, float]) -> float:
        lists = [blended([(g, shares["good"]), (n, shares["noise"])], 10) for g, n in zip(good, noise, strict=True)]
        return float(np.mean([ndcg_of(part, chosen) for part, chosen in zip(lists, truth, strict=True)]))

    singles = ({"good": 1.0, "noise": 0.0}, {"good": 0.0, "noise": 1.0})
    assert reached(weights) >= max(reached(single) for single in singles) - 1e-9
    assert weights["good"] > weights["noise"]


def test_two_halves_of_the_truth_are_blended_into_one() -> None:
    truth = [np.array([1, 2, 3, 4], np.int32)] * 40
    weights = learn_weights({"odd": [candidates(1, 3, 9)] * 40, "even": [candidates(2, 4, 8)] * 40}, truth, k=4)
    assert min(weights.values()) > 0
    assert sum(weights.values()) == pytest.approx(1.0)


def test_without_anything_chosen_all_parts_count_the_same() -> None:
    nothing = np.empty(0, np.int32)
    assert learn_weights({"a": [candidates(1)], "b": [candidates(2)]}, [nothing]) == {"a": 0.5, "b": 0.5}
