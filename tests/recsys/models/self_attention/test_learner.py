"""Self-attention learner: what it refuses, and how many passes its seconds allow."""

import numpy as np
import pytest

from recsys.errors import BadSettings
from recsys.learning.recipe import build_learners, build_optional_learners
from recsys.models import registry
from recsys.models.self_attention import learner
from recsys.models.self_attention.learner import SelfAttention
from recsys.testing import two_camps


def test_without_the_extra_the_model_is_not_tried_and_a_request_for_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    monkeypatch.setattr(learner, "find_spec", lambda name: None)

    assert "self_attention" not in build_optional_learners({})
    with pytest.raises(BadSettings, match=r"recsys-shop\[neural\]"):
        build_learners({"self_attention": {"off": False}})
    with pytest.raises(BadSettings, match=r"recsys-shop\[neural\]"):
        SelfAttention().fit(two_camps(), np.random.default_rng(0))


def test_with_the_extra_it_is_tried_like_every_optional_model() -> None:
    assert build_optional_learners({})["self_attention"] == SelfAttention()


def test_factors_that_the_heads_do_not_divide_are_refused() -> None:
    with pytest.raises(BadSettings, match="factors = 10 is no multiple of heads = 4"):
        SelfAttention(factors=10, heads=4).fit(two_camps(), np.random.default_rng(0))


def test_a_million_events_stay_within_the_seconds() -> None:
    own = SelfAttention()
    assert own.affordable_epochs(1e6, 50_000) * own.epoch_seconds(1e6, 50_000) <= own.max_seconds
    assert own.affordable_epochs(1e5, 1_700) == own.epochs
    assert SelfAttention(max_seconds=0.1).affordable_epochs(1e6, 50_000) == 1
