"""A judge of a canary, killed before any of its file operations, leaves a valid state, and another one ends it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.canary.state import Canary, running_canary, send_back
from tests.resilience.test_killed_publisher import MOST_STEPS, NEW, OLD, home_with, killed_before, writer
from training.registry import Registry

REASON = "a request failed"


def canary_of(home: Path) -> Canary:
    canary = Registry(home).canary()
    assert canary is not None
    return canary


def begin(home: Path) -> None:
    Registry(home).begin_canary(NEW, share=10, hours=24)


def forward(home: Path) -> None:
    Registry(home).end_canary(canary_of(home), "forward", ["nothing was wrong"])


def back(home: Path) -> None:
    Registry(home).end_canary(canary_of(home), "back", [REASON])


def back_by_a_worker(home: Path) -> None:
    send_back(home / "bundles", canary_of(home), [REASON], 1)
    Registry(home).settle_canary()


def roll_back(home: Path) -> None:
    Registry(home).rollback()


ENDS: dict[Callable[[Path], None], tuple[str, str]] = {  # the outcome, and what is live then
    begin: ("running", OLD),
    forward: ("forward", NEW),
    back: ("back", OLD),
    back_by_a_worker: ("back", OLD),
    roll_back: ("stopped", "first"),
}


def check(home: Path, work: Callable[[Path], None]) -> None:
    """One release is live for all; a canary that runs has its champion beside it; doing it again comes to its end."""
    registry = Registry(home)
    canary = registry.canary()
    runs = running_canary(registry.bundles)
    assert (runs is None) == (canary is None or not canary.is_running)
    assert runs is None or registry.live() == runs.champion == OLD
    if work is begin or runs is not None:
        work(home)
    ended = canary_of(home)
    assert ended.outcome == ENDS[work][0]
    verdict = registry.verdict(NEW)
    assert (verdict is not None and verdict.outcome == "rejected") == (ended.outcome == "back")
    assert registry.live() == ENDS[work][1]
    assert all(release.damage is None for release in registry.releases(verify=True))


@pytest.mark.parametrize(
    "work", [pytest.param(work, marks=[] if work is roll_back else [pytest.mark.slow]) for work in ENDS]
)
def test_a_kill_before_any_step_leaves_a_valid_canary(work: Callable[[Path], None], tmp_path: Path) -> None:
    for step in range(1, MOST_STEPS):
        home = home_with(tmp_path / str(step), *(("first", OLD) if work is roll_back else (OLD,)))
        Registry(home).publish(writer(NEW))
        if work is not begin:
            begin(home)
        if not killed_before(step, work, home):
            break
        check(home, work)
    assert 2 < step < MOST_STEPS - 1
