"""Guardrails of a canary: sequential tests of two arms, which may be looked at after every answer.

The evidence is an e-value: where the canary is no worse than allowed, it reaches 1 / alpha with a probability of at
most alpha, however often it is looked at (Ville 1939; Ramdas et al. 2023, section 3).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from recsys.arrays import Doubles
from recsys.canary.counters import ArmCount, ArmCounts

SURE = 10_000.0  # so much evidence ends a canary: in an hour without fault one of four does with p < 4 in 10,000
_RATES = 1 / (1 + np.exp(-np.linspace(-14.0, 14.0, 561)))  # of the live release, which is not known


class Guardrail(NamedTuple):
    """A mark that customers of the canary may have more often than those of the live release, by so much."""

    mark: str
    allowed: float
    words: str


GUARDRAILS = (
    Guardrail("error", 0.01, "a request failed"),
    Guardrail("late", 0.05, "a list took longer than 50 ms"),
    Guardrail("fallback", 0.10, "a list was filled up with what is not personal"),
    Guardrail("empty", 0.02, "a list was empty"),
)


def broken_guardrails(
    counts: Mapping[str, ArmCounts], arms: tuple[str, str] = ("the canary's customers", "the others")
) -> list[str]:
    """What the canary surely does worse than is allowed, in plain words; empty where nothing is."""
    return [
        f"{rail.words} for {_share(both.canary)} of {arms[0]}, {_share(both.live)} of {arms[1]}; "
        f"{rail.allowed:.0%} more are allowed"
        for rail in GUARDRAILS
        if _is_more(both := counts[rail.mark], rail.allowed) and evidence_of_more(both, rail.allowed) >= SURE
    ]


def _is_more(arms: ArmCounts, allowed: float) -> bool:
    """Whether the canary's share is above what is allowed: else nothing speaks against it, and a look costs little."""
    (n, marked), (n_live, marked_live) = arms
    return n > 0 and n_live > 0 and marked / n > marked_live / n_live + allowed


def evidence_of_more(arms: ArmCounts, allowed: float, *, factor: float = 1.0) -> float:
    """E-value against: the canary's rate is at most `factor` times that of the live release plus `allowed`.

    The rate of the live release is not known: of all rates the one that speaks least against counts, and one that the
    live release itself makes unlikely counts less (universal inference, Wasserman, Ramdas & Balakrishnan 2020).
    """
    limits = np.minimum(factor * _RATES + allowed, 1 - 1e-9)
    return float(np.exp(min((_log_above(arms.canary, limits) + _log_about(arms.live, _RATES)).min(), 700.0)))


def evidence_of_fewer(arms: ArmCounts, *, factor: float = 1.0) -> float:
    """E-value against: the canary's rate is at least `factor` times that of the live release.

    factor: at most 1.
    """
    missed = ArmCounts(*(ArmCount(arm.n, arm.n - arm.marked) for arm in arms))
    return evidence_of_more(missed, 1 - factor, factor=factor)


def _log_about(arm: ArmCount, rates: Doubles) -> Doubles:
    """Log of the e-value against each rate: the likelihood with an even prior over all rates, by that of the rate."""
    from scipy.special import betaln

    hits, misses = arm.marked, arm.n - arm.marked
    ratios: Doubles = betaln(hits + 1, misses + 1) - _log_likelihood(arm, rates)
    return ratios


def _log_above(arm: ArmCount, limits: Doubles) -> Doubles:
    """Log of the e-value against every rate up to each limit; the prior is even over the rates above it.

    Half of the stake is never bet, so that a rate far below the limit is no evidence for anything.
    """
    from scipy.special import betaincc

    share = betaincc(arm.marked + 1, arm.n - arm.marked + 1, limits)
    above = np.log(np.maximum(share, 1e-300)) - np.log1p(-limits)
    bet: Doubles = np.logaddexp(np.where(share > 0, above + _log_about(arm, limits), -np.inf), 0.0) - np.log(2.0)
    return bet


def _log_likelihood(arm: ArmCount, rates: Doubles) -> Doubles:
    from scipy.special import xlog1py, xlogy

    likelihood: Doubles = xlogy(arm.marked, rates) + xlog1py(arm.n - arm.marked, -rates)
    return likelihood


def _share(arm: ArmCount) -> str:
    return f"{arm.marked:,} of {arm.n:,}"
