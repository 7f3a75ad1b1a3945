"""Sample ratio mismatch: alarm for arms that were not drawn so, none for chance."""

import pytest
from scipy.stats import binomtest

from recsys.errors import BadInput
from recsys.inference.sample_ratio import MISMATCH, sample_ratio_test


def test_51_to_49_is_chance_among_10_000_and_a_mismatch_among_100_000() -> None:
    assert sample_ratio_test((5_100, 4_900), (0.5, 0.5)) > MISMATCH
    assert sample_ratio_test((51_000, 49_000), (0.5, 0.5)) < MISMATCH


@pytest.mark.parametrize("counts", [(900, 100), (930, 70), (45_300, 4_700)])
def test_the_p_value_is_near_the_exact_one(counts: tuple[int, int]) -> None:
    exact = binomtest(counts[0], sum(counts), 0.9).pvalue
    assert sample_ratio_test(counts, (0.9, 0.1)) == pytest.approx(exact, rel=0.1, abs=1e-3)


def test_shares_may_be_given_as_parts() -> None:
    assert sample_ratio_test((30, 60, 10), (3, 6, 1)) == pytest.approx(1)
    assert sample_ratio_test((0, 0), (0.9, 0.1)) == 1.0


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.5, 0.3, 0.2)])
def test_shares_that_no_draw_has_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(BadInput, match="one for each arm"):
        sample_ratio_test((5, 5), shares)
