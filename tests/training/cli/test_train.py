"""`recsys train`: what it prints of its own choices, and that a service on the same machine goes first."""

import os
import subprocess
import sys

import pytest

from recsys.bundle import Manifest
from training.cli.train import _choices

PRIORITIES = """
import os
from training.cli.train import lower_priority
for niceness in (0, 17, 5):
    lower_priority(niceness)
    print(os.getpriority(os.PRIO_PROCESS, 0))
"""


POLICY = """
import os
from training.cli.train import lower_priority
for niceness in (18, 19):
    lower_priority(niceness)
    print(os.sched_getscheduler(0))
"""


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system knows no idle time of processes")
def test_the_nicest_takes_only_time_that_nobody_else_wants() -> None:
    output = subprocess.run([sys.executable, "-c", POLICY], capture_output=True, text=True, check=True).stdout
    assert [int(line) for line in output.split()] == [os.SCHED_OTHER, os.SCHED_IDLE]


def test_it_is_as_nice_as_asked_and_never_takes_back() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    output = subprocess.run([sys.executable, "-c", PRIORITIES], capture_output=True, text=True, check=True).stdout
    assert [int(line) for line in output.split()] == [max(before, 0), max(before, 17), max(before, 17)]


def manifest(left_out: dict[str, str], days: dict[str, float | None]) -> Manifest:
    half_lives: dict[str, dict[str, object]] = {name: {"days": value, "tried": {}} for name, value in days.items()}
    return Manifest(version="v", made_at_ms=0, now=0.0, blend={"left_out": left_out, "half_lives": half_lives})


def test_models_left_out_for_one_reason_are_told_together() -> None:
    choices = _choices(manifest({"ease": "adds nothing", "graph_walk": "adds nothing", "sequence": "no time"}, {}))
    assert choices == {"not made": "ease, graph_walk (adds nothing); sequence (no time)"}


def test_how_long_each_model_remembers_is_told_and_inf_is_never() -> None:
    choices = _choices(manifest({}, {"als": 60.4, "popularity": None, "buy_again": float("inf")}))
    assert choices == {
        "longest half-life": "als 60 days, popularity never forgets, buy_again never forgets",
    }


def test_a_training_without_choices_tells_of_none() -> None:
    assert _choices(manifest({}, {})) == {}
