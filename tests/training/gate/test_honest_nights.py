"""Twenty honest trainings in a row of a shop that goes on selling: none is refused."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from recsys.data.events import Event
from recsys.data.store.base import Store
from recsys.data.store.open import open_store
from recsys.progress import StepLog
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS
from tests.training.gate.planted import daily_events
from training.job import TrainingResult, train


def train_nightly(
    store: Store, home: Path, events: Sequence[Event], items: int, nights: int, *, days: int = 1
) -> Iterator[TrainingResult]:
    """A training at the end of each of the last nights, which lie so many days apart."""
    store.put_items(small_items(items))
    n_stored = 0
    for night in range(nights):
        end_ms = (NOW - days * (nights - night - 1)) * DAY_MS
        known = [event for event in events if event.at_ms < end_ms]
        store.append(known[n_stored:])
        n_stored = len(known)
        yield train(store, home, None, StepLog())


def verdicts_of(home: Path, events: Sequence[Event], items: int, nights: int, *, days: int = 1) -> list[str]:
    """What the gate said of each training, with the reasons."""
    with closing(open_store(home, None)) as store:
        verdicts = [result.verdict for result in train_nightly(store, home, events, items, nights, days=days)]
    return [" ".join([verdict.outcome, *verdict.reasons]) for verdict in verdicts]


def test_a_few_honest_nights_are_promoted(tmp_path: Path) -> None:
    assert verdicts_of(tmp_path, daily_events(60, 24, 60), 24, nights=3) == ["promoted"] * 3


@pytest.mark.slow
@pytest.mark.parametrize(("users", "items", "days"), [(12, 24, 60), (60, 24, 60), (60, 24, 120), (400, 60, 120)])
def test_twenty_honest_nights_in_a_row_are_promoted(tmp_path: Path, users: int, items: int, days: int) -> None:
    assert verdicts_of(tmp_path, daily_events(users, items, days), items, nights=20) == ["promoted"] * 20


@pytest.mark.slow
@pytest.mark.parametrize("users", [12, 60])
def test_twelve_honest_months_in_a_row_are_promoted(tmp_path: Path, users: int) -> None:
    assert verdicts_of(tmp_path, daily_events(users, 24, 540), 24, nights=12, days=31) == ["promoted"] * 12
