"""Off-policy evaluation of a candidate: estimates of each reward, the evidence behind them, and what was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.answers.candidate import ReplayedAnswer, chance_of
from eval.answers.rewards import FOLDS, REWARDS, ShownList, fit_rewards, fold_of
from recsys.customers.population import MIN_GROUP
from recsys.errors import NotEnoughData
from recsys.inference.clustered import mean_interval
from recsys.inference.off_policy import (
    ESTIMATORS,
    LoggedChoices,
    OffPolicyEstimate,
    check_support,
    difference_to_log,
    effective_sample_size,
    unsupported_share,
)

MOST_ANSWERS = 5_000


@dataclass(frozen=True, slots=True)
class RewardEstimates:
    """One reward per list: that of the log, what the candidate would have earned, by method, and the difference."""

    log: tuple[float, float, float]
    candidate: Sequence[OffPolicyEstimate]
    difference: OffPolicyEstimate


@dataclass(frozen=True, slots=True)
class AnswerEvaluation:
    """effective: how many answers say as much about the candidate.  unsupported: share that the log never showed.

    lost: answers left out, by reason.  places: how many places of a list are judged.  never_seen: rewards that no list
    led to; nothing is said of them, because an interval of 0 to 0 would be false.
    """

    placement: str
    places: int
    answers: int
    customers: int
    effective: float
    unsupported: float
    rewards: Mapping[str, RewardEstimates]
    never_seen: Sequence[str]
    lost: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON types."""
        rewards = {
            name: {
                "log": dict(zip(("value", "low", "high"), each.log, strict=True)),
                **{estimate.method: _interval(estimate) for estimate in each.candidate},
                "difference": _interval(each.difference),
            }
            for name, each in self.rewards.items()
        }
        counts = {name: getattr(self, name) for name in ("placement", "places", "answers", "customers")}
        return counts | {
            "effective_sample_size": self.effective,
            "share_without_support": self.unsupported,
            "rewards": rewards,
            "never_seen": list(self.never_seen),
            "left_out": dict(self.lost),
        }


def _interval(estimate: OffPolicyEstimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def explored_lists(lists: Sequence[ShownList], lost: dict[str, int], seed: int) -> list[ShownList]:
    """Those in which something was left to chance, MOST_ANSWERS at most, by chance.

    Raises NotEnoughData where there are none: then nothing says what other lists would have earned.
    """
    explored = [each for each in lists if each.is_explored]
    if not explored:
        raise NotEnoughData(
            f"{len(lists)} answers, and nothing was left to chance in any: what other lists would have earned cannot "
            "be known from them. Let the storefront send a `seed` with some requests"
        )
    if len(explored) < len(lists):
        lost["nothing was left to chance in them"] = len(lists) - len(explored)
    if len(explored) > MOST_ANSWERS:
        lost["more than a replay needs, left out by chance"] = len(explored) - MOST_ANSWERS
        rows = np.random.default_rng(seed).choice(len(explored), MOST_ANSWERS, replace=False)
        explored = [explored[int(row)] for row in np.sort(rows)]
    return explored


def evaluate_answers(
    answers: Sequence[ReplayedAnswer], placement: str, k: int, n_items: int, lost: Mapping[str, int]
) -> AnswerEvaluation:
    """Estimates over the first k places.  Raises NotEnoughData, with the reason in words, where they say too little."""
    customer = np.unique([answer.shown.user_id for answer in answers], return_inverse=True)[1]
    n_customers = len(np.unique(customer))
    if n_customers < MIN_GROUP:
        reasons = "; ".join(f"{n}: {reason}" for reason, n in lost.items())
        raise NotEnoughData(
            f"answers to {n_customers} customers can be replayed, and {MIN_GROUP} are needed ({reasons})"
        )
    k = min(k, max(len(answer.items) for answer in answers))
    choices = {name: _choices(answers, name, k, n_items, customer) for name in REWARDS}
    first = next(iter(choices.values()))
    check_support(first)
    never_seen = [name for name, each in choices.items() if not each.reward.any()]
    if len(never_seen) == len(choices):
        raise NotEnoughData(
            f"{len(answers):,} explored answers, and none led to {', '.join(never_seen)}: nothing can be compared; "
            "wait for more of them, and send clicks and purchases as events"
        )
    return AnswerEvaluation(
        placement=placement,
        places=k,
        answers=len(answers),
        customers=n_customers,
        effective=effective_sample_size(first.weights()[:, -1]),
        unsupported=unsupported_share(first),
        rewards={name: _estimates(each) for name, each in choices.items() if name not in never_seen},
        never_seen=never_seen,
        lost=lost,
    )


def _estimates(choices: LoggedChoices) -> RewardEstimates:
    log = mean_interval(choices.reward.sum(axis=1), choices.customer)
    return RewardEstimates(log, [estimate(choices) for estimate in ESTIMATORS.values()], difference_to_log(choices))


def _choices(
    answers: Sequence[ReplayedAnswer], reward: str, k: int, n_items: int, customer: np.ndarray
) -> LoggedChoices:
    folds = [fold_of(answer.shown.user_id) for answer in answers]
    models = [
        fit_rewards(
            ((answer.items[:k], answer.shown.earned[reward][:k])
             for answer, own in zip(answers, folds, strict=True) if own != fold),
            n_items, k,
        )
        for fold in range(FOLDS)
    ]  # fmt: skip
    shape = len(answers), k
    logged, candidate, earned = np.ones(shape), np.ones(shape), np.zeros(shape)
    predicted, expected, unsupported = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for row, (answer, fold) in enumerate(zip(answers, folds, strict=True)):
        model, n = models[fold], min(k, len(answer.items))
        logged[row, :n] = answer.shown.probability[:n]
        earned[row, :n] = answer.shown.earned[reward][:n]
        for place in range(n):
            items, chances = answer.candidate[place]
            candidate[row, place] = chance_of(items, chances, int(answer.items[place]))
            predicted[row, place] = model.predict(answer.items[place : place + 1], place)[0]
            expected[row, place] = chances @ model.predict(items, place)
            unsupported[row, place] = chances[~np.isin(items, answer.logged[place][0])].sum()
    return LoggedChoices(earned, logged, candidate, customer, predicted, expected, unsupported)
