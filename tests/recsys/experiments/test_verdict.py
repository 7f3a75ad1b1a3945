"""Verdict of an experiment: a better B is called better, two equal arms raise no more alarms than allowed."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.arrays import Bools, Doubles
from recsys.experiments.definition import ExperimentPlan, Measure, Variant
from recsys.experiments.outcomes import MEASURES, ExperimentOutcomes
from recsys.experiments.state import Experiment
from recsys.experiments.verdict import judged_looks, preference
from recsys.inference.randomization import N_BUCKETS, buckets_of

USERS = [f"user-{n}" for n in range(2_000)]
PLAN = ExperimentPlan(id="e1", b=Variant(blend={"als": 1.0}))
EXPERIMENT = Experiment(plan=PLAN, salt="s", began_at_ms=0)
WEEKLY = (0.25, 0.5, 0.75, 1.0)


def shop(lift: float, rng: np.random.Generator, is_b: Bools) -> list[ExperimentOutcomes]:
    """Four weeks of customers who spend unequally, as they did before; B spends more by that share."""
    n = len(is_b)
    taste = rng.gamma(1.5, 60.0, n)
    before = taste * rng.gamma(4.0, 0.25, n)
    weeks = np.cumsum([taste / 4 * rng.gamma(1.0, 1.0, n) * (1 + lift * is_b) for _ in WEEKLY], axis=0)
    return [outcomes(is_b, money, before) for money in weeks]


def outcomes(is_b: Bools, money: Doubles, before: Doubles) -> ExperimentOutcomes:
    zeros = np.zeros(len(is_b))
    by_measure = {**dict.fromkeys(MEASURES, zeros), "money": money}
    return ExperimentOutcomes(is_b, by_measure, before, zeros, zeros)


def split(salt: str) -> Bools:
    return np.asarray(buckets_of(salt, USERS) < N_BUCKETS // 2)


def test_a_better_b_is_found_before_the_end_and_its_interval_holds_the_truth() -> None:
    looks = judged_looks(shop(0.25, np.random.default_rng(0), split("x")), EXPERIMENT)
    assert looks[-1].is_decisive
    assert looks[-1].z > 0
    assert looks[-1].number < 4
    base = looks[-1].effect.difference / looks[-1].effect.relative
    assert looks[-1].effect.low / base < 0.25 < looks[-1].effect.high / base


def test_a_worse_b_is_found_too() -> None:
    looks = judged_looks(shop(-0.25, np.random.default_rng(0), split("x")), EXPERIMENT)
    assert looks[-1].is_decisive
    assert looks[-1].z < 0


def alarms(n: int) -> tuple[float, float]:
    """The share of draws of two equal arms that a look ends, and of those that a look at 1.96 would end."""
    same = shop(0.0, np.random.default_rng(1), split("x"))
    decided = naive = 0
    for draw in range(n):
        is_b = split(f"draw-{draw}")
        at_looks = [replace(each, is_b=is_b) for each in same]
        decided += judged_looks(at_looks, EXPERIMENT)[-1].is_decisive
        every = [judged_looks([each], EXPERIMENT)[0] for each in at_looks]
        naive += any(abs(look.z) > 1.96 for look in every)
    return decided / n, naive / n


def test_equal_arms_raise_few_alarms_over_four_looks() -> None:
    decided, naive = alarms(60)
    assert decided <= 0.12
    assert naive >= decided


@pytest.mark.slow
def test_equal_arms_raise_at_most_five_and_a_half_percent_of_alarms() -> None:
    decided, naive = alarms(2_000)
    assert decided <= 0.055
    assert naive > 0.08


def test_customers_who_click_more_of_one_team_prefer_it() -> None:
    clicks_of_b = np.array([2.0, 1.0, 0.0, 1.0, 3.0] * 20)
    told = preference(
        replace(
            outcomes(split("x")[:100], clicks_of_b, clicks_of_b),
            clicks_of_b=clicks_of_b,
            clicks_of_a=np.array([1.0, 0.0, 0.0, 2.0, 1.0] * 20),
        )
    )
    assert (told.prefer_b, told.prefer_a, told.ties) == (60, 20, 20)
    assert told.share_of_b == pytest.approx(0.75)
    assert told.low < 0.75 < told.high
    assert told.p < 0.001


@pytest.mark.parametrize("measure", ["money", "orders", "margin"])
def test_without_any_difference_nothing_is_decided(measure: Measure) -> None:
    plan = PLAN.model_copy(update={"measure": measure})
    flat = outcomes(split("x"), np.zeros(len(USERS)), np.zeros(len(USERS)))
    looks = judged_looks([flat] * 4, EXPERIMENT.model_copy(update={"plan": plan}))
    assert [look.z for look in looks] == [0.0] * 4
