"""Clusters learnt: as many as are stable; a world without clusters has none that are."""

import numpy as np

from recsys.learning.customers.clusters import ClusterNumber, chosen_number, judge_number


def test_three_clear_groups_are_stable_and_five_are_not() -> None:
    rng = np.random.default_rng(0)
    middle = np.repeat(np.array([[0.0, 0], [9, 0], [0, 9]]), 100, axis=0)
    points = middle + rng.normal(size=middle.shape)
    three, five = judge_number(points, 3, 0), judge_number(points, 5, 0)
    assert three.is_stable
    assert not five.is_stable
    assert three.silhouette > five.silhouette


def test_the_largest_number_before_an_unstable_one_is_chosen() -> None:
    numbers = [ClusterNumber(n, 0.4, stability) for n, stability in ((2, 0.95), (3, 0.9), (4, 0.5), (5, 0.99))]
    assert chosen_number(numbers) == 3
    assert chosen_number([ClusterNumber(2, 0.1, 0.2), ClusterNumber(3, 0.4, 0.9)]) == 2
