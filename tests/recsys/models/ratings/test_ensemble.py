"""A blend of rating models is not worse than its best part."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.data.dataset.ratings import hold_out_mask
from recsys.models.ratings.ensemble import RatingEnsemble, RatingEnsembleModel, fit_weights
from tests.recsys.models.ratings.small_ratings import random_ratings


def test_a_part_that_knows_the_truth_gets_the_whole_weight_and_noise_goes() -> None:
    rng = np.random.default_rng(0)
    truth, noise = rng.normal(size=(2, 5_000))
    weights = fit_weights(np.column_stack((truth, noise)), truth)
    assert weights == pytest.approx([1.0, 0.0], abs=0.02)


def test_a_blend_is_not_worse_than_its_best_part() -> None:
    ratings = random_ratings(n_users=300, n_items=60)
    held = hold_out_mask(ratings, np.random.default_rng(9), share=0.2, most_customers=300)
    known, hidden = ratings.only(~held), ratings.only(held)
    model = RatingEnsemble().fit(known, np.random.default_rng(0))

    def error(ensemble: RatingEnsembleModel) -> float:
        rows = [ensemble.predict(known.by_user(user), hidden.by_user(user).item) for user in range(300)]
        return float(np.sqrt(np.mean((np.concatenate(rows) - hidden.value) ** 2)))

    alone = [error(replace(model, parts={name: part}, weights={name: 1.0})) for name, part in model.parts.items()]
    assert error(model) <= min(alone) * 1.01
