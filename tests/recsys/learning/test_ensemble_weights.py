"""Blend weights: as good as the best model, shared where models complement each other, robust against noise."""

import numpy as np
import pytest

from recsys.arrays import Ints
from recsys.learning.ensemble_weights import choose_blend, cross_fitted_ndcg, fit_weights
from recsys.learning.validation import list_ndcg
from recsys.models.candidates import Candidates, blended


def candidates(*items: int, scores: tuple[float, ...] | None = None) -> Candidates:
    falling = scores or tuple(float(len(items) - at) for at in range(len(items)))
    return Candidates(np.array(items, np.int32), np.array(falling, np.float32))


def ndcg_of(part: Candidates, chosen: Ints, k: int = 10) -> float:
    """nDCG, computed slowly."""
    gains = [1 / np.log2(rank + 2) for rank, item in enumerate(part.items[:k]) if item in chosen]
    return float(sum(gains) / sum(1 / np.log2(rank + 2) for rank in range(min(k, len(chosen)))))


def test_a_blend_is_never_worse_than_its_best_part() -> None:
    rng = np.random.default_rng(3)
    relevant = [np.sort(rng.choice(50, 6, replace=False)).astype(np.int32) for _ in range(80)]
    good = [
        candidates(*(int(i) for i in rng.permutation([*chosen[:3], *rng.choice(50, 9)])[:8])) for chosen in relevant
    ]
    good = [candidates(*dict.fromkeys(part.items.tolist())) for part in good]
    noise = [candidates(*(int(i) for i in rng.choice(50, 12, replace=False))) for _ in relevant]
    weights = fit_weights({"good": good, "noise": noise}, relevant)

    def mean_ndcg(shares: dict[str, float]) -> float:
        lists = [blended([(g, shares["good"]), (n, shares["noise"])], 10) for g, n in zip(good, noise, strict=True)]
        return float(np.mean([ndcg_of(part, chosen) for part, chosen in zip(lists, relevant, strict=True)]))

    singles = ({"good": 1.0, "noise": 0.0}, {"good": 0.0, "noise": 1.0})
    assert mean_ndcg(weights) >= max(mean_ndcg(single) for single in singles) - 1e-9
    assert weights["good"] > weights["noise"]


def test_models_that_find_different_items_are_blended() -> None:
    relevant = [np.array([1, 2, 3, 4], np.int32)] * 40
    weights = fit_weights({"odd": [candidates(1, 3, 9)] * 40, "even": [candidates(2, 4, 8)] * 40}, relevant, k=4)
    assert min(weights.values()) > 0
    assert sum(weights.values()) == pytest.approx(1.0)


def test_without_anything_chosen_all_parts_count_the_same() -> None:
    nothing = np.empty(0, np.int32)
    assert fit_weights({"a": [candidates(1)], "b": [candidates(2)]}, [nothing]) == {"a": 0.5, "b": 0.5}


def test_noise_is_no_gain_for_users_who_did_not_choose_the_weights() -> None:
    rng = np.random.default_rng(2)
    relevant = [np.sort(rng.choice(60, 4, replace=False)).astype(np.int32) for _ in range(200)]
    good = [candidates(*dict.fromkeys([*map(int, chosen[:2]), *map(int, rng.choice(60, 8))])) for chosen in relevant]
    noise = {
        f"noise {n}": [candidates(*map(int, rng.choice(60, 10, replace=False))) for _ in relevant] for n in range(4)
    }
    quality = cross_fitted_ndcg({"good": good, **noise}, relevant)
    assert quality.mean() == pytest.approx(list_ndcg(good, relevant).mean(), rel=0.03)
    assert fit_weights({"good": good, **noise}, relevant)["good"] > 0.8


def test_one_user_is_too_few_for_cross_fitting() -> None:
    assert len(cross_fitted_ndcg({"a": [candidates(1)]}, [np.array([1], np.int32)])) == 0


def test_a_model_is_in_question_until_it_is_worse_beyond_noise() -> None:
    relevant = [np.array([1], np.int32)] * 64
    right, wrong = candidates(1, 2), candidates(3, 4)
    lists = {"best": [right] * 64, "near": [right] * 62 + [wrong] * 2, "far": [right] * 40 + [wrong] * 24}
    choice = choose_blend(lists, ["near", "far"], relevant)
    assert choice.weights == {"best": 1.0, "near": 0.0, "far": 0.0}
    assert choice.in_question == {"best", "near"}
