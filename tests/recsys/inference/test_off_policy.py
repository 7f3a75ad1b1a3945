from dataclasses import replace

import numpy as np
import pytest

from recsys.errors import BadInput, NotEnoughData
from recsys.inference.off_policy import (
    ESTIMATORS,
    LoggedChoices,
    check_support,
    doubly_robust,
    effective_sample_size,
    ips,
    snips,
    unsupported_share,
)
from tests.bench.campaigns.off_policy import CANDIDATE, bias_and_coverage, synthetic_log, true_value


@pytest.fixture(scope="module")
def log() -> LoggedChoices:
    return synthetic_log(2_000, np.random.default_rng(1))


def test_estimates_are_right_on_the_mean_and_their_intervals_hold_the_truth() -> None:
    for bias, coverage in bias_and_coverage(100, 2_000, np.random.default_rng(0)).values():
        assert abs(bias) < 0.03
        assert coverage > 0.85


@pytest.mark.slow
def test_bias_is_at_most_a_hundredth_and_coverage_between_93_and_98_percent() -> None:
    for bias, coverage in bias_and_coverage(1_000, 4_000, np.random.default_rng(0)).values():
        assert abs(bias) <= 0.01
        assert 0.93 <= coverage <= 0.98


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_the_policy_of_the_log_earns_what_the_log_earned(name: str, log: LoggedChoices) -> None:
    same = replace(log, candidate=log.logged, predicted=np.zeros_like(log.logged), expected=np.zeros_like(log.logged))
    assert ESTIMATORS[name](same).value == pytest.approx(log.reward.sum(axis=1).mean())


def test_a_place_weighs_the_product_of_the_ratios_down_to_it() -> None:
    zeros = np.zeros((1, 2))
    one = LoggedChoices(np.array([[3.0, 5.0]]), np.array([[0.5, 0.25]]), np.array([[0.25, 0.5]]),
                        np.array([0]), zeros, zeros, zeros)  # fmt: skip
    assert ips(one).value == pytest.approx(0.5 * 3 + 0.5 * 2 * 5)
    assert np.isnan(ips(one).low)


def test_the_self_normalised_estimate_is_a_mean_of_rewards(log: LoggedChoices) -> None:
    ones = replace(log, reward=np.ones_like(log.reward))
    assert snips(ones).value == pytest.approx(2.0)


def test_a_model_that_knows_all_leaves_nothing_to_chance(log: LoggedChoices) -> None:
    sure = replace(log, reward=log.predicted)
    assert doubly_robust(sure).value == pytest.approx(log.expected.sum(axis=1).mean(), rel=0.05)
    spread, plain = (estimate.high - estimate.low for estimate in (doubly_robust(sure), ips(sure)))
    assert spread < plain


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.1, np.nan])
def test_a_logged_probability_outside_0_to_1_is_refused_with_its_value(probability: float, log: LoggedChoices) -> None:
    with pytest.raises(BadInput, match=f"{probability:g}"):
        ips(replace(log, logged=np.full_like(log.logged, probability)))


def test_a_place_that_chance_did_not_fill_is_refused_where_the_candidate_differs(log: LoggedChoices) -> None:
    settled = replace(log, logged=np.ones_like(log.logged))
    with pytest.raises(NotEnoughData, match="not left to chance"):
        snips(settled)
    assert ips(replace(settled, candidate=settled.logged)).value > 0


def test_the_share_without_support_is_that_of_the_candidate(log: LoggedChoices) -> None:
    half = replace(log, unsupported=np.column_stack((np.full(2_000, 0.5), np.zeros(2_000))))
    assert unsupported_share(half) == pytest.approx(0.25)
    with pytest.raises(NotEnoughData, match="25% of what the candidate would show"):
        check_support(half)


def test_too_little_evidence_is_refused_and_enough_is_not(log: LoggedChoices) -> None:
    check_support(log)
    few = synthetic_log(40, np.random.default_rng(0))
    with pytest.raises(NotEnoughData, match="answers' worth of evidence"):
        check_support(few)


def test_equal_weights_are_worth_all_answers_and_one_large_weight_is_worth_one() -> None:
    assert effective_sample_size(np.ones(10)) == pytest.approx(10)
    assert effective_sample_size(np.eye(10)[0]) == pytest.approx(1)
    assert effective_sample_size(np.zeros(3)) == 0


def test_the_candidate_of_the_synthetic_log_differs_from_it(log: LoggedChoices) -> None:
    assert true_value(CANDIDATE) != pytest.approx(log.reward.sum(axis=1).mean(), rel=0.05)
