"""Which models a training makes."""

import pytest

from recsys.learning.recipe import learners_of
from recsys.models.registry import LEARNERS, OPTIONAL_MODELS


def test_without_settings_all_but_the_spare_models_are_made() -> None:
    assert set(learners_of({})) == set(LEARNERS) - OPTIONAL_MODELS


@pytest.mark.parametrize("name", sorted(OPTIONAL_MODELS))
def test_settings_alone_do_not_have_a_spare_model_made(name: str) -> None:
    assert name not in learners_of({name: {"top_n": 50}})


@pytest.mark.parametrize("name", sorted(OPTIONAL_MODELS))
def test_a_spare_model_is_made_with_its_settings_when_it_is_not_off(name: str) -> None:
    told = {"max_traits" if name == "content" else "top_n": 50}
    assert learners_of({name: {"off": False, **told}})[name] == LEARNERS[name](**told)
