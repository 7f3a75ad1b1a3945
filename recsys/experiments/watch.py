"""Guardrails of a running experiment as they stand: failed, late, filled-up and empty lists of both arms, this hour."""

from dataclasses import dataclass
from pathlib import Path

from recsys.canary.counters import ArmCount, read_counts
from recsys.canary.guardrails import GUARDRAILS
from recsys.experiments.state import Experiment


@dataclass(frozen=True, slots=True)
class WatchedMark:
    """Shares of the customers of each arm with that mark on this host in this hour; B may have `allowed` more.

    n_a, n_b: groups of customers that the split tells apart, and that were answered.
    """

    mark: str
    words: str
    n_a: int
    n_b: int
    share_a: float
    share_b: float
    allowed: float


def watched_marks(home: Path, experiment: Experiment, now_ms: int, *, least: int) -> list[WatchedMark]:
    """Every guardrail; none of an experiment that is over, and where an arm has fewer than `least`."""
    if not experiment.is_running:
        return []
    counts = read_counts(home, experiment, experiment.window(now_ms))
    marks = [(rail, counts[rail.mark].live, counts[rail.mark].canary) for rail in GUARDRAILS]
    return [
        WatchedMark(rail.mark, rail.words, a.n, b.n, _share(a), _share(b), rail.allowed)
        for rail, a, b in marks
        if min(a.n, b.n) >= least
    ]


def _share(count: ArmCount) -> float:
    return round(count.marked / count.n, 4)
