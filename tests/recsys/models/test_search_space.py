"""Hyperparameter search space: every value of it makes a model, and a search begins at the defaults."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.models.registry import LEARNERS, learner
from recsys.models.search_space import Between, build_space, default_values

SPACES = {name: build_space(name, 200.0) for name in LEARNERS}


@pytest.mark.parametrize("name", sorted(LEARNERS))
@settings(max_examples=10)
@given(data=st.data())
def test_every_model_can_be_made_from_every_corner_of_its_space(name: str, data: st.DataObject) -> None:
    space = SPACES[name]
    assert space
    params = {
        key: data.draw(st.sampled_from([values.low, values.high] if isinstance(values, Between) else list(values)))
        for key, values in space.items()
    }
    whole = {key for key, values in space.items() if isinstance(values, Between) and values.is_whole}
    made = learner(name, {key: int(value) if key in whole else value for key, value in params.items()})
    assert {key: getattr(made, key) for key in params} == params


def test_data_of_one_moment_leave_no_half_life_to_search() -> None:
    assert not [key for name in LEARNERS for key in build_space(name, 0.0) if key.endswith("_days")]


def test_defaults_within_the_space_are_where_a_search_begins() -> None:
    space = build_space("als", 365.0)
    assert default_values("als", space)["saturation"] == LEARNERS["als"]().saturation  # type: ignore[attr-defined]
    assert "factors" not in default_values("als", space)  # chosen by the data, which is no number to begin with
    assert set(default_values("als", {"alpha": Between(1e6, 1e7)})) == set()
