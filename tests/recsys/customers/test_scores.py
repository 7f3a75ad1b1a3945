"""Scores: quintiles in which equal values are equal, and ABC classes by cumulated revenue."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.customers.scores import ABC_CUTS, abc_classes, quintile_scores

amounts = st.lists(st.integers(0, 20).map(float), min_size=1, max_size=30)


@given(amounts, st.randoms())
def test_order_of_rows_changes_no_score(values: list[float], random: object) -> None:
    order = np.random.default_rng(len(values)).permutation(len(values))
    whole = np.array(values)
    np.testing.assert_array_equal(quintile_scores(whole[order]), quintile_scores(whole)[order])


@given(amounts)
def test_a_score_is_one_and_five_times_the_share_of_smaller_values(values: list[float]) -> None:
    expected = [1 + 5 * sum(other < value for other in values) // len(values) for value in values]
    assert quintile_scores(np.array(values)).tolist() == expected


@given(amounts)
def test_whoever_crosses_a_cut_belongs_to_the_better_class(values: list[float]) -> None:
    classes = abc_classes(np.array(values))
    before, expected = 0.0, {}
    for row in sorted(range(len(values)), key=lambda row: (-values[row], row)):
        expected[row] = sum(before >= cut * sum(values) for cut in ABC_CUTS)
        before += values[row]
    assert classes.tolist() == [expected[row] for row in range(len(values))]


def test_a_shop_with_one_large_customer_has_an_a_and_many_c() -> None:
    assert abc_classes(np.array([5.0, 90.0, 5.0])).tolist() == [1, 0, 2]
