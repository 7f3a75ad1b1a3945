"""Cost model of fitting: it grows with the data as a fit does, and a sample costs less."""

from dataclasses import replace

import pytest

from recsys.models.fit_cost import FORMULAS, DataSize, foretold_seconds
from recsys.models.registry import LEARNERS, OPTIONAL_MODELS
from recsys.testing import two_camps

SIZE = DataSize(events=800_000, users=40_000, items=20_000, pairs=775_000, common=28e6)


def test_the_size_counts_what_is_there() -> None:
    data = two_camps(n_users=10, n_items=8)
    size = DataSize.of_data(data)
    pairs = data.histories.pairs()
    assert (size.events, size.pairs, size.items) == (len(data.histories.item), len(pairs.item), len(set(pairs.item)))
    assert size.common == sum(int(n) ** 2 for n in pairs.offsets[1:] - pairs.offsets[:-1])


@pytest.mark.parametrize("name", sorted(OPTIONAL_MODELS))
def test_a_fit_from_a_sample_never_costs_more(name: str) -> None:
    learner = LEARNERS[name]()
    assert 0 < foretold_seconds(learner, SIZE.share(0.25)) <= foretold_seconds(learner, SIZE)


@pytest.mark.parametrize(  # measured with one thread
    ("name", "seconds"),
    [("graph_walk", 2.5), ("sequence", 7.7), ("graph_filter", 8.0), ("ease", 20.0), ("self_attention", 800.0)],
)
def test_the_cost_is_near_what_was_measured(name: str, seconds: float) -> None:
    assert seconds / 2 < foretold_seconds(LEARNERS[name](), SIZE) < 2 * seconds


def test_a_formula_per_learner_knows_its_settings() -> None:
    ease = LEARNERS["ease"]()
    assert foretold_seconds(replace(ease, tail_top_n=20), SIZE) < foretold_seconds(ease, SIZE)  # type: ignore[type-var]
    assert set(FORMULAS) <= set(LEARNERS.values())
