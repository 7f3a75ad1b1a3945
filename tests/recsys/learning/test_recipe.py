"""Training recipe: which models are trained with which settings."""

import pytest

from recsys.learning.recipe import build_learners
from recsys.models.registry import LEARNERS, OPTIONAL_MODELS


def test_without_settings_all_but_the_optional_models_are_trained() -> None:
    assert set(build_learners({})) == set(LEARNERS) - OPTIONAL_MODELS


@pytest.mark.parametrize("name", sorted(OPTIONAL_MODELS))
def test_settings_alone_do_not_switch_an_optional_model_on(name: str) -> None:
    assert name not in build_learners({name: {"top_n": 50}})


@pytest.mark.parametrize("name", sorted(OPTIONAL_MODELS))
def test_an_optional_model_is_trained_with_its_settings_when_it_is_not_off(name: str) -> None:
    params = {{"content": "max_traits", "self_attention": "epochs", "seasonal": "demand_days"}.get(name, "top_n"): 50}
    assert build_learners({name: {"off": False, **params}})[name] == LEARNERS[name](**params)
