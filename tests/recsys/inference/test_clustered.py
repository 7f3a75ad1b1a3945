import numpy as np
import pytest

from recsys.inference.clustered import jackknife_interval, mean_interval, ratio_interval


def test_answers_of_one_customer_count_as_far_as_they_differ() -> None:
    value = np.repeat([0.0, 1.0, 3.0, 4.0], 25)
    _, low, high = mean_interval(value, np.repeat(np.arange(4), 25))
    _, own_low, own_high = mean_interval(value[::25], np.arange(4))
    assert [low, high] == pytest.approx([own_low, own_high])


def test_nothing_and_one_customer_have_no_interval() -> None:
    assert np.isnan(mean_interval(np.empty(0), np.empty(0, np.int64))[0])
    mean, low, high = mean_interval(np.array([1.0, 3.0]), np.zeros(2, np.int64))
    assert mean == 2.0
    assert np.isnan(low)
    assert np.isnan(high)


def test_the_interval_of_a_ratio_holds_the_truth_as_often_as_it_says() -> None:
    rng, hits = np.random.default_rng(0), 0
    for _ in range(200):
        rate = rng.beta(2, 8, 100)
        shown = rng.integers(1, 30, 100)
        clicked = rng.binomial(shown, rate)
        _, low, high = ratio_interval(clicked.astype(float), shown.astype(float), np.arange(100))
        hits += low <= 0.2 <= high
    assert 0.90 <= hits / 200 <= 0.99


def test_the_jackknife_of_a_mean_is_its_usual_interval() -> None:
    value = np.random.default_rng(0).normal(5, 2, 30)
    without = (value.sum() - value) / 29
    _, low, high = mean_interval(value, np.arange(30))
    assert jackknife_interval(float(value.mean()), without) == pytest.approx((low, high))
