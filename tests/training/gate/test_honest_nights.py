"""Twenty honest trainings in a row of a shop that goes on selling: none is refused."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from recsys.data.events import Event
from recsys.data.store.open import open_store
from recsys.progress import StepLog
from recsys.testing import NOW, small_events, small_items
from recsys.time_units import DAY_MS
from training.job import train


def daily_events(n_users: int, n_items: int, days: int) -> list[Event]:
    """The small shop, whose customers come on different days of the week."""
    events = small_events(n_users, n_items, days)
    moved = [event._replace(at_ms=event.at_ms - int(event.user_id[-1]) % 7 * DAY_MS) for event in events]
    return sorted(moved, key=lambda event: (event.at_ms, event.event_id))


def verdicts_of(home: Path, events: Sequence[Event], items: int, nights: int) -> list[str]:
    """A training at the end of each of the last nights; what the gate said of each, with the reasons."""
    outcomes, n_stored = [], 0
    with closing(open_store(home, None)) as store:
        store.put_items(small_items(items))
        for night in range(nights):
            end_ms = (NOW - nights + night + 1) * DAY_MS
            known = [event for event in events if event.at_ms < end_ms]
            store.append(known[n_stored:])
            n_stored = len(known)
            verdict = train(store, home, None, StepLog()).verdict
            outcomes.append(" ".join([verdict.outcome, *verdict.reasons]))
    return outcomes


def test_a_few_honest_nights_are_promoted(tmp_path: Path) -> None:
    assert verdicts_of(tmp_path, daily_events(60, 24, 60), 24, nights=3) == ["promoted"] * 3


@pytest.mark.slow
@pytest.mark.parametrize(("users", "items", "days"), [(60, 24, 60), (60, 24, 120), (400, 60, 120)])
def test_twenty_honest_nights_in_a_row_are_promoted(tmp_path: Path, users: int, items: int, days: int) -> None:
    assert verdicts_of(tmp_path, daily_events(users, items, days), items, nights=20) == ["promoted"] * 20
