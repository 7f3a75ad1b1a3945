"""A verdict is given only where the customers support it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.stats.paired import LUCK, MIN_CUSTOMERS, Comparison, adjust_by_baseline, compare, holm
from recsys.arrays import Doubles
from recsys.errors import BadInput, NotEnoughData


def scores(mean: float, n: int = 400, seed: int = 1) -> Doubles:
    return np.random.default_rng(seed).normal(mean, 0.2, n)


def compared(challenger: Doubles, champion: Doubles, seed: int = 0) -> Comparison:
    return compare(challenger, champion, rng=np.random.default_rng(seed), n_resamples=1_000)


def test_a_model_that_is_ahead_for_everybody_is_better() -> None:
    champion = scores(0.3)
    comparison = compared(champion + 0.05, champion)
    assert comparison.verdict == "better"
    assert comparison.difference == pytest.approx(0.05)
    assert (comparison.low, comparison.high) == pytest.approx((0.05, 0.05))


def test_turned_round_the_verdict_is_turned_round() -> None:
    challenger, champion = scores(0.36, seed=1), scores(0.30, seed=2)
    ahead, behind = compared(challenger, champion), compared(champion, challenger)
    assert (ahead.verdict, behind.verdict) == ("better", "worse")
    assert (behind.low, behind.high) == pytest.approx((-ahead.high, -ahead.low), abs=2e-3)


def test_a_model_against_itself_is_level() -> None:
    comparison = compared(scores(0.3), scores(0.3))
    assert comparison.verdict == "level"
    assert (comparison.low, comparison.difference, comparison.high) == (0.0, 0.0, 0.0)


def test_being_ahead_by_luck_is_no_verdict() -> None:
    comparison = compared(scores(0.3, n=40, seed=3), scores(0.3, n=40, seed=4))
    assert comparison.low < 0 < comparison.high
    assert comparison.verdict == "level"


def test_the_pairs_matter_and_not_only_the_means() -> None:
    champion = scores(0.3)
    shuffled = np.random.default_rng(9).permutation(champion + 0.01)
    paired, unpaired = compared(champion + 0.01, champion), compared(shuffled, champion)
    assert paired.difference == pytest.approx(unpaired.difference)
    assert (paired.verdict, unpaired.verdict) == ("better", "level")


def test_the_interval_is_the_textbook_one_where_the_textbook_has_one() -> None:
    difference = scores(0.02, n=2_000)
    comparison = compared(difference, np.zeros(2_000))
    half = 1.96 * difference.std() / np.sqrt(2_000)
    assert (comparison.low, comparison.high) == pytest.approx(
        (comparison.difference - half, comparison.difference + half), abs=half / 8
    )


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    truth = 0.01
    held = 0
    for seed in range(200):
        comparison = compared(scores(truth, n=60, seed=seed), np.zeros(60), seed=seed)
        held += comparison.low <= truth <= comparison.high
    assert 180 <= held <= 199


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly() -> None:
    first, again, other = (compared(scores(0.3), scores(0.28, seed=5), seed) for seed in (0, 0, 1))
    assert first == again != other
    assert (first.low, first.high) == pytest.approx((other.low, other.high), abs=4e-3)


def test_samples_drawn_in_many_blocks_are_as_many_as_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compared(scores(0.3), scores(0.28, seed=5))
    monkeypatch.setattr("eval.stats.bootstrap._BLOCK", 400 * 7)
    assert compared(scores(0.3), scores(0.28, seed=5)) == whole


def test_who_was_not_judged_is_left_out() -> None:
    champion, nobody = scores(0.3), np.full(7, np.nan)
    with_gaps = compared(np.concatenate((champion + 0.05, nobody)), np.concatenate((champion, nobody)))
    assert with_gaps == compared(champion + 0.05, champion)
    assert with_gaps.n_customers == 400


def test_a_handful_of_customers_is_no_proof() -> None:
    n = MIN_CUSTOMERS - 1
    comparison = compared(np.ones(n), np.zeros(n))
    assert comparison.verdict == "too few"


def test_scores_of_different_customers_are_refused() -> None:
    gap = np.array([np.nan, 1.0])
    with pytest.raises(BadInput, match="different customers"):
        compared(gap, gap[::-1])
    with pytest.raises(BadInput, match="different customers"):
        compared(np.ones(2), np.ones(3))


def test_too_few_resamples_are_refused() -> None:
    with pytest.raises(BadInput, match="999 resamples"):
        compare(np.ones(2), np.ones(2), rng=np.random.default_rng(0), n_resamples=999)


def test_nobody_judged_is_not_enough() -> None:
    with pytest.raises(NotEnoughData, match="take a longer one"):
        compared(np.array([np.nan]), np.array([np.nan]))


def test_luck_is_unlikely_where_the_interval_leaves_0_out_and_likely_where_it_does_not() -> None:
    ahead, level = compared(scores(0.33), scores(0.28, seed=5)), compared(scores(0.3, seed=3), scores(0.3, seed=4))
    assert ahead.low > 0
    assert ahead.p < LUCK
    assert level.p > LUCK


def test_a_model_against_itself_is_all_luck() -> None:
    assert compared(scores(0.3), scores(0.3)).p == 1.0


def test_luck_makes_a_difference_about_as_often_as_it_says() -> None:
    believed = [compared(scores(0.0, n=200, seed=seed), np.zeros(200), seed=seed).p <= LUCK for seed in range(400)]
    assert 8 <= sum(believed) <= 36


def test_one_of_many_is_believed_less_than_one_alone() -> None:
    alone = compared(scores(0.32, seed=1), scores(0.30, seed=2))
    sure = replace(alone, low=0.001, p=0.03, p_holm=0.03)
    assert sure.verdict == "better"
    assert replace(sure, p_holm=0.09).verdict == "level"


def slow_holm(chances: list[float]) -> list[float]:
    """Reject in order for as long as p <= level / (those left): the smallest level at which each is rejected."""
    n = len(chances)
    order = sorted(range(n), key=lambda at: chances[at])
    return [min(1.0, max(chances[order[rank]] * (n - rank) for rank in range(order.index(at) + 1))) for at in range(n)]


@given(chances=st.lists(st.floats(0.0, 1.0), max_size=8))
def test_holm_agrees_with_its_slow_twin(chances: list[float]) -> None:
    assert holm(chances) == pytest.approx(slow_holm(chances))


def test_holm_of_the_textbook() -> None:
    """Holm 1979, and any textbook since: .01, .04, .03, .005 become .03, .06, .06, .02."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_what_was_not_asked_does_not_count_among_many() -> None:
    comparison = holm([0.01, math.nan, 0.04])
    assert comparison[0] == pytest.approx(0.02)
    assert math.isnan(comparison[1])


@pytest.mark.parametrize(
    ("low", "high", "p_holm", "words"),
    [
        (0.016, 0.032, 0.01, "better by 4-8 %"),
        (-0.032, -0.016, 0.01, "worse by 4-8 %"),
        (-0.41, -0.38, 0.01, "worse by 95-100 %"),
        (0.0016, 0.0032, 0.01, "better by 0.4-0.8 %"),
        (0.0161, 0.0162, 0.01, "better by 4 %"),
        (-0.016, 0.032, 0.3, "cannot tell"),
        (0.001, 0.032, 0.3, "cannot tell"),
    ],
)
def test_a_verdict_is_a_few_words(low: float, high: float, p_holm: float, words: str) -> None:
    assert Comparison(0.42, 0.4, low, high, 400, 0.01, p_holm).words == words


def test_what_is_ahead_of_nothing_is_ahead_by_a_number_and_not_by_a_share() -> None:
    assert Comparison(0.1, 0.0, 0.05, 0.15, 400).words == "better by 0.050-0.150"
    assert Comparison(0.1, 0.0, 0.05, 0.15, MIN_CUSTOMERS - 1).words == "too few customers to tell"


def test_a_lead_that_one_model_in_three_would_have_by_luck_is_no_verdict() -> None:
    lucky = Comparison(0.32, 0.30, 0.001, 0.039, 400, 0.04, 0.04)
    sure = Comparison(0.36, 0.30, 0.05, 0.07, 400, 0.001, 0.001)
    assert lucky.verdict == "better"
    first, second, third = adjust_by_baseline([{"best-sellers": lucky}, {"best-sellers": sure, "own": lucky}, {}])
    assert (first["best-sellers"].p_holm, first["best-sellers"].verdict) == (0.04, "better")
    assert (second["best-sellers"].p_holm, second["own"].p_holm, third) == (0.002, 0.04, {})
    adjusted = adjust_by_baseline([{"best-sellers": lucky}] * 3)
    assert [each["best-sellers"].p_holm for each in adjusted] == pytest.approx([0.12] * 3)
    assert {each["best-sellers"].verdict for each in adjusted} == {"level"}
