"""Difference-in-differences: what one group changed more than the other."""

import numpy as np
import pytest

from recsys.inference.difference_in_differences import difference_in_differences


def test_a_lasting_difference_between_the_groups_does_not_count() -> None:
    rng = np.random.default_rng(1)
    before = rng.normal(300, 40, 400), rng.normal(100, 40, 900)
    after = before[0] + 25 + rng.normal(0, 10, 400), before[1] + 5 + rng.normal(0, 10, 900)
    effect = difference_in_differences(*after, *before)
    assert effect.difference == pytest.approx(20, abs=2)
    assert effect.low < 20 < effect.high
    assert effect.low > 0
    assert np.isnan(effect.relative)
    assert effect.method == "difference-in-differences"
