"""What becomes of a canary: back for a loss or a broken guardrail, forward in time, and never by chance."""

import pytest

from eval.stats.bootstrap import Estimate
from recsys.canary.counters import MARKS, ArmCount, ArmCounts
from recsys.canary.state import Canary, CanaryOutcome
from recsys.time_units import HOUR_MS
from training.canary.judge import CanaryReport, decide
from training.canary.outcomes import ArmOutcomes, CanaryOutcomes
from training.canary.settings import CanarySettings

CANARY = Canary(version="v2", champion="v1", share=10, hours=24, began_at_ms=0)
SETTINGS = CanarySettings(hours=24, worst_loss=0.1)
END_MS = 24 * HOUR_MS


def arm(n: int, clicked: float, bought: float) -> ArmOutcomes:
    counts = {"clicked": ArmCount(n, round(n * clicked)), "bought": ArmCount(n, round(n * bought))}
    return ArmOutcomes(3 * n, counts, {name: Estimate(count.marked / 3 / max(n, 1)) for name, count in counts.items()})


def report(n: int, *, canary: tuple[float, float], live: tuple[float, float]) -> CanaryReport:
    """A tenth of the customers; the shares of them that clicked and bought, in both arms."""
    counts = {mark: ArmCounts(ArmCount(n, 0), ArmCount(9 * n, 0)) for mark in MARKS}
    return CanaryReport(CANARY, counts, CanaryOutcomes(arm(n, *canary), arm(9 * n, *live)))


@pytest.mark.parametrize(
    ("shown", "at_ms", "outcome", "words"),
    [
        (report(1_000, canary=(0.20, 0.05), live=(0.30, 0.05)), HOUR_MS, "back", "fewer clicks: 200 of 1,000"),
        (report(2_000, canary=(0.30, 0.02), live=(0.30, 0.06)), HOUR_MS, "back", "fewer purchases: 40 of 2,000"),
        (report(1_000, canary=(0.29, 0.05), live=(0.30, 0.05)), HOUR_MS, "running", ""),
        (report(1_000, canary=(0.29, 0.05), live=(0.30, 0.05)), END_MS, "forward", "nothing was wrong in 24 hours"),
        (report(1_000, canary=(0.0, 0.0), live=(0.0, 0.0)), END_MS - 1, "running", ""),
        (report(1_000, canary=(0.0, 0.0), live=(0.0, 0.0)), END_MS, "forward", "for 1,000 customers"),
        (report(29, canary=(0.3, 0.1), live=(0.3, 0.1)), END_MS, "stopped", "29 customers got it in 24 hours"),
        (report(0, canary=(0.0, 0.0), live=(0.0, 0.0)), END_MS, "stopped", "0 customers"),
        (report(40_000, canary=(0.30, 0.2), live=(0.30, 0.2)), HOUR_MS, "forward", "surely less than 10% fewer"),
        (report(40_000, canary=(0.30, 0.2), live=(0.30, 0.2)), HOUR_MS - 1, "running", ""),
        (report(40_000, canary=(0.40, 0.2), live=(0.30, 0.2)), HOUR_MS, "forward", "surely less than 10% fewer"),
    ],
)
def test_it_is_decided_when_there_is_enough_to_tell(
    shown: CanaryReport, at_ms: int, outcome: CanaryOutcome, words: str
) -> None:
    decided, reasons = decide(shown, [], SETTINGS, at_ms)
    assert decided == outcome
    assert words in "; ".join(reasons)


def test_a_broken_guardrail_sends_it_back_whatever_is_bought() -> None:
    better = report(40_000, canary=(0.40, 0.2), live=(0.30, 0.2))
    assert decide(better, ["a request failed"], SETTINGS, END_MS) == ("back", ["a request failed"])


def test_a_loss_counts_more_than_the_end_of_its_time() -> None:
    worse = report(1_000, canary=(0.20, 0.05), live=(0.30, 0.05))
    assert decide(worse, [], SETTINGS, END_MS)[0] == "back"
