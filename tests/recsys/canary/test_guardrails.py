"""Guardrails: a fault ends a canary after few customers, chance does not, however often one looks."""

import numpy as np
import pytest

from recsys.canary.counters import MARKS, ArmCount, ArmCounts
from recsys.canary.guardrails import (
    GUARDRAILS,
    SURE,
    Guardrail,
    broken_guardrails,
    evidence_of_fewer,
    evidence_of_more,
)


def counts(marked: int, n: int, mark: str, *, live: int = 0, n_live: int = 0) -> dict[str, ArmCounts]:
    """Both arms, with that mark and no other."""
    none = {name: ArmCounts(ArmCount(n, 0), ArmCount(n_live, 0)) for name in MARKS}
    return none | {mark: ArmCounts(ArmCount(n, marked), ArmCount(n_live, live))}


@pytest.mark.parametrize("rail", GUARDRAILS, ids=lambda rail: rail.mark)
def test_a_canary_that_fails_every_customer_ends_after_a_handful(rail: Guardrail) -> None:
    (reason,) = broken_guardrails(counts(8, 8, rail.mark, n_live=72))
    assert reason.startswith(f"{rail.words} for 8 of 8 of the canary's customers, 0 of 72 of the others")
    assert broken_guardrails(counts(2, 2, rail.mark, n_live=18)) == []


@pytest.mark.parametrize("rail", GUARDRAILS, ids=lambda rail: rail.mark)
def test_what_the_live_release_does_as_well_is_no_reason(rail: Guardrail) -> None:
    assert broken_guardrails(counts(500, 1_000, rail.mark, live=4_500, n_live=9_000)) == []


def test_whatever_surely_speaks_against_a_canary_ends_it() -> None:
    """What is not above the allowed share is not looked at closely."""
    rng, n_ended = np.random.default_rng(3), 0
    for n, n_live, share, share_live in rng.random((80, 4)).tolist():
        size, size_live = 1 + int(300 * n), int(300 * n_live)
        given = counts(int(share * size), size, "error", live=int(share_live * size_live), n_live=size_live)
        is_sure = evidence_of_more(given["error"], 0.01) >= SURE
        n_ended += is_sure
        assert bool(broken_guardrails(given)) == is_sure
    assert 5 < n_ended < 60


def test_nobody_answered_yet_is_no_evidence() -> None:
    assert broken_guardrails(counts(0, 0, "error")) == []
    assert evidence_of_more(ArmCounts(ArmCount(0, 0), ArmCount(0, 0)), 0.01) == pytest.approx(1.0)
    assert evidence_of_fewer(ArmCounts(ArmCount(0, 0), ArmCount(0, 0))) == pytest.approx(1.0)


@pytest.mark.parametrize(("canary", "live", "allowed"), [(0.10, 0.05, 0.05), (0.0101, 0.0001, 0.01), (0.05, 0.05, 0.0)])
def test_chance_hardly_ends_a_canary_that_does_as_allowed_though_looked_at_all_the_time(
    canary: float, live: float, allowed: float
) -> None:
    """Evidence of 20 may come up in one of twenty."""
    rng, alarms = np.random.default_rng(7), 0
    for _ in range(60):
        hits = rng.binomial((40, 360), (canary, live), (20, 2)).cumsum(axis=0).tolist()
        looks = [
            ArmCounts(ArmCount(40 * n, ours), ArmCount(360 * n, theirs)) for n, (ours, theirs) in enumerate(hits, 1)
        ]
        alarms += max(evidence_of_more(look, allowed) for look in looks) >= 20
    assert alarms <= 3


def test_the_power_that_the_decision_states() -> None:
    """A tenth of the customers, at the expected counts: docs/decisions gives the same figures."""

    def arms(n: int, canary: float, live: float) -> ArmCounts:
        return ArmCounts(ArmCount(n, round(n * canary)), ArmCount(9 * n, round(9 * n * live)))

    assert evidence_of_more(arms(5, 1.0, 0.0), 0.01) >= SURE
    assert evidence_of_more(arms(300, 0.10, 0.01), 0.01) >= SURE
    assert evidence_of_fewer(arms(500, 0.20, 0.30)) >= 100
    assert evidence_of_fewer(arms(4_000, 0.03, 0.05)) >= 100
    assert evidence_of_more(arms(8_000, 0.30, 0.30), 0.0, factor=0.9) >= 100
