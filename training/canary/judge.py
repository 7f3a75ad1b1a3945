"""Judge of a canary: back where a guardrail breaks or customers surely click or buy less, else forward in time."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.stats.paired import MIN_CUSTOMERS
from recsys.canary.counters import ArmCounts, read_counts
from recsys.canary.guardrails import broken_guardrails, evidence_of_fewer, evidence_of_more
from recsys.canary.state import CANARY, Canary, CanaryOutcome
from recsys.errors import BadInput
from recsys.time_units import HOUR_MS
from training.canary.outcomes import OUTCOMES, ArmOutcomes, CanaryOutcomes, read_outcomes
from training.canary.settings import CanarySettings
from training.registry import Registry

if TYPE_CHECKING:
    from recsys.data.store.base import Store

SURE = 100.0  # evidence: of two outcomes without cause one reaches it with p < 2 in 100, however often it is looked at


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """A canary, what its guardrails counted in this hour, and what both arms clicked and bought since it began.

    is_news: whether it ended in this call, or in a worker since the last one.
    """

    canary: Canary
    counts: Mapping[str, ArmCounts]
    outcomes: CanaryOutcomes
    is_news: bool = False


def look_at_canary(store: "Store", registry: Registry, now_ms: int) -> CanaryReport | None:
    """The last canary as it stands; None where there was none."""
    canary = registry.canary()
    if canary is None:
        return None
    until_ms = now_ms if canary.ended_at_ms is None else canary.ended_at_ms
    counts = read_counts(registry.home, canary, canary.window(until_ms))
    return CanaryReport(canary, counts, read_outcomes(store, registry.home, canary, until_ms))


def judge_canary(store: "Store", registry: Registry, settings: CanarySettings, now_ms: int) -> CanaryReport | None:
    """Ends the canary where it is decided; the report says how it stands then.  None where there was none.

    Raises BadBundle when a canary that goes forward is damaged.
    """
    is_settled = registry.bundles.is_dir() and registry.settle_canary()
    report = look_at_canary(store, registry, now_ms)
    if report is None or not report.canary.is_running:
        return None if report is None else CanaryReport(report.canary, report.counts, report.outcomes, is_settled)
    canary = report.canary
    before = read_counts(registry.home, canary, max(0, canary.window(now_ms) - 1))
    broken = broken_guardrails(report.counts) or broken_guardrails(before)
    outcome, reasons = decide(report, broken, settings, now_ms)
    if outcome == "running" or not registry.end_canary(canary, outcome, reasons):
        return report
    return CanaryReport(registry.canary() or canary, report.counts, report.outcomes, is_news=True)


def stop_canary(registry: Registry, reason: str) -> Canary:
    """Ends the canary without a judgement: everybody gets the live release.  Raises BadInput where none runs."""
    canary = registry.canary()
    if canary is None and (registry.bundles / CANARY).exists():
        with suppress(FileNotFoundError):
            (registry.bundles / CANARY).unlink()
        raise BadInput("the state of the canary was damaged, and is deleted: everybody gets the live release")
    if canary is None or not registry.end_canary(canary, "stopped", [reason]):
        raise BadInput(f"{registry.home}: no canary runs; `recsys promote VERSION --share 10` begins one")
    return registry.canary() or canary


def decide(
    report: CanaryReport, broken: list[str], settings: CanarySettings, now_ms: int
) -> tuple[CanaryOutcome, list[str]]:
    """What becomes of a canary that runs, and why, in plain words.  broken: the guardrails that it broke."""
    canary, outcomes = report.canary, report.outcomes
    losses = [_words(outcomes, name, "fewer") for name in OUTCOMES if _is_surely_fewer(outcomes, name)]
    if broken or losses:
        return "back", [*broken, *losses]
    seen = [name for name in OUTCOMES if any(arm.marked for arm in outcomes.customers(name))]
    as_good = [name for name in seen if _loses_surely_less(outcomes, name, settings.worst_loss)]
    if seen and as_good == seen and now_ms >= canary.began_at_ms + HOUR_MS:
        less = f"surely less than {settings.worst_loss:.0%} fewer"
        return "forward", [_words(outcomes, name, less) for name in seen]
    if now_ms < canary.until_ms:
        return "running", []
    n = max(outcomes.canary.customers["clicked"].n, report.counts["answered"].canary.n)
    if n < MIN_CUSTOMERS:
        return "stopped", [f"{n} customers got it in {canary.hours:g} hours: give it a larger --share, or more --hours"]
    return "forward", [f"nothing was wrong in {canary.hours:g} hours for {n:,} customers"]


def _is_surely_fewer(outcomes: CanaryOutcomes, name: str) -> bool:
    return evidence_of_fewer(outcomes.customers(name)) >= SURE


def _loses_surely_less(outcomes: CanaryOutcomes, name: str, worst_loss: float) -> bool:
    return evidence_of_more(outcomes.customers(name), 0.0, factor=1 - worst_loss) >= SURE


def _words(outcomes: CanaryOutcomes, name: str, comparison: str) -> str:
    ours, theirs = (_arm_words(arm, name) for arm in (outcomes.canary, outcomes.live))
    return f"{comparison} {OUTCOMES[name]}: {ours} of the canary, {theirs} of the live release"


def _arm_words(arm: ArmOutcomes, name: str) -> str:
    """12 of 300 customers, .0312 a list (.0201 to .0420)"""
    count, estimate = arm.customers[name], arm.per_list.get(name)
    each = "" if estimate is None else f", {estimate.mean:.4f} a list ({estimate.low:.4f} to {estimate.high:.4f})"
    return f"{count.marked:,} of {count.n:,} customers{each}"
