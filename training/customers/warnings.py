"""Warnings: which customers changed since the last run, kept in the run as the outbox of their notification."""

from collections import Counter
from pathlib import Path

from recsys.data.runs import CHANGED_CUSTOMERS
from recsys.data.store.base import Store
from recsys.errors import NoBundle
from recsys.jobs.notifications import Notifier
from recsys.jobs.runs import run_record
from recsys.ranking.reminders.changes import CustomerChanges, find_changes
from recsys.time_units import DAY_MS, minute, now_ms
from training.job import live_recommender
from training.registry import open_registry

JOB = "warn"
FIRST_DAYS = 1  # before the release, where no earlier run says since when


def warn(
    store: Store, home: Path, file: Path | None, *, cause: str = "Python", since_ms: int | None = None
) -> CustomerChanges | None:
    """Finds the changes since the last run that ended well, and notifies them as a run; None where nothing is new.

    Moments follow each other without gap or overlap: a change is told once.  since_ms: another begin.
    Raises NoBundle, BadInput for a begin after the release, LogUnavailable.
    """
    with run_record(store, JOB, cause) as run:
        run.notifier = Notifier.load(file)
        recommender = live_recommender(store, open_registry(home, file), file)
        if recommender is None:
            raise NoBundle("nothing is live yet; run `recsys train`")
        until_ms = recommender.engine.customers.as_of_ms
        begin_ms = last_until(store) or until_ms - FIRST_DAYS * DAY_MS if since_ms is None else since_ms
        if since_ms is None and begin_ms >= until_ms:
            run.result = {"since": begin_ms, "until": begin_ms}
            run.decide("nothing_new", f"the release knows nothing after {minute(begin_ms)}")
            return None
        changes = find_changes(store, recommender, begin_ms, now_ms())
        counts = Counter(each["change"] for each in changes.changes)
        held = list(changes.changes) if run.notifier.channels else []
        run.result = {"since": begin_ms, "until": until_ms, "counts": dict(counts), CHANGED_CUSTOMERS: held}
        run.version = recommender.bundle.manifest.version
    return changes


def last_until(store: Store) -> int | None:
    """Until when the last run that ended well looked."""
    last = store.last_success(JOB)
    return None if last is None else int(last.result["until"])
