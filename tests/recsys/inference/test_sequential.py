"""Group-sequential test: the published boundaries, and 5 % false alarms over all looks."""

import numpy as np
import pytest

from recsys.errors import BadInput
from recsys.inference.sequential import boundaries, crossing, spent_alpha

WEEKLY = (0.25, 0.5, 0.75, 1.0)


def test_the_boundaries_of_four_looks_are_those_of_the_literature() -> None:
    # As R's ldbounds has them for alpha .05, two-sided.
    assert boundaries(WEEKLY) == pytest.approx((4.3326, 2.9631, 2.3590, 2.0141), abs=2e-3)


def test_a_single_look_is_the_usual_test() -> None:
    assert boundaries((1.0,)) == pytest.approx((1.95996,), abs=1e-4)


def test_four_looks_raise_five_percent_of_false_alarms_and_naive_looks_far_more() -> None:
    steps = np.random.default_rng(0).normal(size=(40_000, 4)) / 2
    z = np.cumsum(steps, axis=1) / np.sqrt(WEEKLY)
    assert (np.abs(z) >= boundaries(WEEKLY)).any(axis=1).mean() == pytest.approx(0.05, abs=0.004)
    assert (np.abs(z) >= 1.96).any(axis=1).mean() > 0.11


def test_all_of_alpha_is_spent_at_the_end_and_none_before_the_start() -> None:
    assert spent_alpha(0.0) == 0.0
    assert spent_alpha(1.0) == pytest.approx(0.05)
    assert spent_alpha(2.0) == pytest.approx(0.05)


def test_the_first_look_beyond_its_boundary_ends_the_experiment() -> None:
    assert crossing((1.0, -3.0, 5.0), boundaries(WEEKLY)) == 2
    assert crossing((1.0, 1.0), boundaries(WEEKLY)) is None


@pytest.mark.parametrize("fractions", [(), (0.0, 1.0), (0.5, 0.5), (0.5, 1.1)])
def test_looks_out_of_order_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(BadInput, match="must rise"):
        boundaries(fractions)
