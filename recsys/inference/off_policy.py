"""Off-policy estimators: what other lists would have earned, from the probabilities of those that were shown.

A list is drawn place by place, each item given those above it.  What a place earns depends on the items down to it
(cascade), so its importance weight is the product of the ratios down to it: McInerney, Brost, Chandar, Mehrotra &
Carterette 2020, "Counterfactual evaluation of slate recommendations with sequential reward interactions", eq. 6.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsys.arrays import Doubles, Ints, Longs
from recsys.errors import BadInput, NotEnoughData
from recsys.inference.clustered import mean_interval

Method = Literal["ips", "snips", "dr"]
MIN_EFFECTIVE = 50.0  # answers' worth of evidence; with fewer, an interval of the normal law says too much
MOST_UNSUPPORTED = 0.2  # of what the candidate would show; beyond that the estimate is mostly about other lists


@dataclass(frozen=True, slots=True)
class LoggedChoices:
    """N answers of K places.  A place behind the end of a list has probabilities of 1 and earns nothing.

    reward (N, K); logged, candidate (N, K): probability of the item shown, given those above it, in the log and under
    the candidate.  customer (N,): number of the customer.  predicted (N, K): reward that a model predicts for the item
    shown; expected (N, K): its mean over what the candidate would show there.  unsupported (N, K): probability that
    the candidate shows an item there which the log could not.
    """

    reward: Doubles
    logged: Doubles
    candidate: Doubles
    customer: Ints | Longs
    predicted: Doubles
    expected: Doubles
    unsupported: Doubles

    def weights(self) -> Doubles:
        """Importance weight of each place, (N, K).  Raises BadInput, NotEnoughData; see `check_propensities`."""
        check_propensities(self.logged, self.candidate)
        return np.cumprod(self.candidate / self.logged, axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class OffPolicyEstimate:
    """Reward per answer and its 95 % interval, clustered by customer."""

    method: Method
    value: float
    low: float
    high: float


def check_propensities(logged: Doubles, candidate: Doubles) -> None:
    """Raises BadInput for a probability outside (0, 1], NotEnoughData where a probability of 1 settles the answer."""
    is_wrong = ~((logged > 0) & (logged <= 1))
    if is_wrong.any():
        raise BadInput(f"a logged probability of {logged[is_wrong][0]:g}: it must be above 0, and 1 at most")
    if (candidate < 0).any() or (candidate > 1).any():
        raise BadInput("a candidate's probability lies outside 0 to 1")
    n = int(((logged == 1) & (candidate < 1)).sum())
    if n:
        raise NotEnoughData(
            f"{n} places were not left to chance, and the candidate shows something else there: what it would have "
            "earned cannot be known from this log"
        )


def effective_sample_size(weight: Doubles) -> float:
    """(sum w)^2 / sum w^2 of N weights: how many equally weighted answers say as much.  Kong 1992.  0 without any."""
    squares = float(np.square(weight).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def unsupported_share(choices: LoggedChoices) -> float:
    """Share of the places under the candidate that hold an item which the log could not show, in [0, 1]."""
    above = _above(choices.weights())
    return float(np.clip((above * choices.unsupported).mean(), 0.0, 1.0))


def check_support(choices: LoggedChoices) -> None:
    """Raises NotEnoughData, with the reason in words, where the log says too little about the candidate."""
    share = unsupported_share(choices)
    if share > MOST_UNSUPPORTED:
        raise NotEnoughData(
            f"{share:.0%} of what the candidate would show was never shown by chance, and {MOST_UNSUPPORTED:.0%} is "
            "the most: what it would have earned cannot be known from this log; try it with `recsys experiment`"
        )
    n = effective_sample_size(choices.weights()[:, -1])
    if n < MIN_EFFECTIVE:
        raise NotEnoughData(
            f"the log holds {n:.0f} answers' worth of evidence about the candidate, and {MIN_EFFECTIVE:.0f} are the "
            "least: judge fewer places (-k 3), a longer time, or let more lists be explored"
        )


def ips(choices: LoggedChoices) -> OffPolicyEstimate:
    """Inverse propensity scoring: unbiased where everything has support.  Horvitz & Thompson 1952."""
    return _estimate("ips", (choices.weights() * choices.reward).sum(axis=1), choices.customer)


def snips(choices: LoggedChoices) -> OffPolicyEstimate:
    """Self-normalised inverse propensity scoring, place by place.  Swaminathan & Joachims 2015, eq. 9."""
    weight = choices.weights()
    weight = weight / np.maximum(weight.mean(axis=0), np.finfo(float).tiny)
    value = (weight * choices.reward).mean(axis=0)  # (K,)
    influence = (weight * (choices.reward - value)).sum(axis=1)
    return _estimate("snips", influence + value.sum(), choices.customer)


def doubly_robust(choices: LoggedChoices) -> OffPolicyEstimate:
    """Doubly robust: the model's mean under the candidate, corrected by what was seen.  Kiyohara et al. 2022, eq. 9.

    The model predicts the reward of one place.  It must not have seen the customer's own answers.
    """
    return _estimate("dr", _doubly_robust_values(choices), choices.customer)


def difference_to_log(choices: LoggedChoices) -> OffPolicyEstimate:
    """What the candidate earns more than the lists of the log, doubly robust, on the same answers."""
    return _estimate("dr", _doubly_robust_values(choices) - choices.reward.sum(axis=1), choices.customer)


def _doubly_robust_values(choices: LoggedChoices) -> Doubles:
    weight = choices.weights()
    seen = weight * (choices.reward - choices.predicted)
    values: Doubles = (_above(weight) * choices.expected + seen).sum(axis=1)
    return values


ESTIMATORS = {"ips": ips, "snips": snips, "dr": doubly_robust}


def _estimate(method: Method, value: Doubles, customer: Ints | Longs) -> OffPolicyEstimate:
    return OffPolicyEstimate(method, *mean_interval(value, customer))


def _above(weight: Doubles) -> Doubles:
    """The weight of the places above each: (N, K) -> (N, K), 1 at the first."""
    return np.hstack((np.ones((len(weight), 1)), weight[:, :-1]))
