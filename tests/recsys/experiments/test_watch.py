"""Guardrails of a running experiment as they stand: shares by arm, nothing of a few customers or of the past."""

from pathlib import Path

from recsys.canary.counters import CanaryCounters
from recsys.experiments.definition import ExperimentPlan
from recsys.experiments.state import Experiment
from recsys.experiments.watch import watched_marks
from recsys.time_units import HOUR_MS

RUNNING = Experiment(plan=ExperimentPlan(id="e1"), salt="salt", began_at_ms=0)


def test_late_lists_are_told_by_arm_for_this_hour_alone(tmp_path: Path) -> None:
    counters = CanaryCounters(tmp_path, RUNNING, 2)
    for bucket in (*range(50), *range(5_000, 5_025)):
        counters.mark(bucket, "answered")
    for bucket in range(10):
        counters.mark(bucket, "late")
    now_ms = 2 * HOUR_MS + 1
    late = {mark.mark: mark for mark in watched_marks(tmp_path, RUNNING, now_ms, least=20)}["late"]
    assert (late.n_b, late.share_b, late.n_a, late.share_a) == (50, 0.2, 25, 0.0)
    assert watched_marks(tmp_path, RUNNING, now_ms, least=26) == []
    assert watched_marks(tmp_path, RUNNING, now_ms + HOUR_MS, least=20) == []
    assert watched_marks(tmp_path, RUNNING.ended("stopped", ["enough"], now_ms), now_ms, least=1) == []
