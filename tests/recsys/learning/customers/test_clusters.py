"""Clusters learnt: as many as are stable; a world without clusters has none that are."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.customers.rhythm import Rhythm
from recsys.learning.customers.clusters import ClusterNumber, chosen_number, fit_clusters, judge_number
from recsys.testing import two_camps
from recsys.time_units import DAY_MS


def test_three_clear_groups_are_stable_and_five_are_not() -> None:
    rng = np.random.default_rng(0)
    middle = np.repeat(np.array([[0.0, 0], [9, 0], [0, 9]]), 100, axis=0)
    points = middle + rng.normal(size=middle.shape)
    three, five = judge_number(points, 3, 0), judge_number(points, 5, 0)
    assert three.is_stable
    assert not five.is_stable
    assert three.silhouette > five.silhouette


def test_customers_of_two_kinds_without_any_difference_beside_are_two_clusters_however_many_are_asked_for() -> None:
    points = np.repeat(np.array([[0.0, 0], [9, 9]]), (199, 1), axis=0)
    assert judge_number(points, 5, 0).stability == judge_number(points, 2, 0).stability


@pytest.mark.parametrize(("n_kinds", "tried"), [(1, None), (2, [2])])
def test_no_more_clusters_are_tried_than_there_are_different_customers(n_kinds: int, tried: list[int] | None) -> None:
    days = (np.arange(200) % n_kinds + 1).astype(np.int32)
    one, none = np.ones(200), np.full(200, np.nan)
    last = np.full(200, 10 * DAY_MS)
    rhythm = Rhythm(30 * DAY_MS, days, days, one, 0 * one, none, last, last, none)
    data = two_camps(n_users=200)
    fit = fit_clusters(rhythm, replace(data, category=np.zeros_like(data.category)), np.random.default_rng(0))
    assert (fit and [number.n_clusters for number in fit.numbers]) == tried


def test_the_largest_number_before_an_unstable_one_is_chosen() -> None:
    numbers = [ClusterNumber(n, 0.4, stability) for n, stability in ((2, 0.95), (3, 0.9), (4, 0.5), (5, 0.99))]
    assert chosen_number(numbers) == 3
    assert chosen_number([ClusterNumber(2, 0.1, 0.2), ClusterNumber(3, 0.4, 0.9)]) == 2
