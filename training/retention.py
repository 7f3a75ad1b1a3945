"""Retention: deletes what is older than `[keep]` says: events by kind, facts, answers, files of imports, runs, audit.

It goes by a clock that can be trusted, see `recsys/clock.py`.
"""

import logging
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from recsys.clock import deletion_time
from recsys.config import KeepSettings
from recsys.data.answer_log.answer_log import open_answer_log
from recsys.data.events import KIND_BY_NAME, Kind
from recsys.data.store.base import Store
from recsys.errors import LogUnavailable
from recsys.time_units import DAY_MS

REJECTS, IMPORTS = "rejects", "imports"  # folders of a home
_MOMENT = "%Y%m%dT%H%M%SZ"  # the beginning of the name of a file of refused lines

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgedData:
    """What is older than it is kept: events by kind, facts, answers, files of refused lines, records, runs, audit."""

    events: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    rejects: int = 0
    imports: int = 0
    runs: int = 0
    facts: int = 0
    audit: int = 0

    @property
    def is_empty(self) -> bool:
        return self == AgedData()


def count_aged(store: Store, home: Path, keep: KeepSettings, now_ms: int) -> AgedData:
    """How much there is.  Raises LogUnavailable."""
    counts = store.count_aged_events(_moments(keep, now_ms))
    return AgedData(
        {Kind(kind).name.lower(): n for kind, n in sorted(counts.items())},
        _answers(home, now_ms - keep.shown_days * DAY_MS, is_trial=True),
        len(_old_rejects(home, keep, now_ms)),
        len(_old_imports(home, keep, now_ms)),
        store.count_runs(before_ms=_before(now_ms, keep.run_days)),
        store.count_aged_facts(_before(now_ms, keep.fact_days)),
        store.count_audit(before_ms=_before(now_ms, keep.audit_days)),
    )


def delete_aged(store: Store, home: Path, keep: KeepSettings, now_ms: int) -> AgedData:
    """Deletes it piece by piece, and returns how much it was.  Traces in files wait for a sweep.

    Raises LogUnavailable; what is not deleted yet waits for the next call.
    """
    aged = count_aged(store, home, keep, now_ms)
    if aged.events:
        store.delete_aged_events(_moments(keep, now_ms))
    if aged.facts:
        store.delete_aged_facts(_before(now_ms, keep.fact_days))
    _answers(home, now_ms - keep.shown_days * DAY_MS, is_trial=False)
    for file in (*_old_rejects(home, keep, now_ms), *_old_imports(home, keep, now_ms)):
        file.unlink(missing_ok=True)
    if aged.runs:
        store.drop_runs_before(_before(now_ms, keep.run_days))
    if aged.audit:
        store.drop_audit_before(_before(now_ms, keep.audit_days))
    return aged


def delete_aged_if_possible(store: Store, home: Path, keep: KeepSettings) -> None:
    """The same for a job with another purpose: by a clock without doubt, and what fails waits for the next time."""
    at_ms = deletion_time(home)
    if at_ms is None:
        return
    try:
        delete_aged(store, home, keep, at_ms)
    except (LogUnavailable, OSError) as error:
        log.warning("aged_data_stays", extra={"error": str(error)})


def _moments(keep: KeepSettings, now_ms: int) -> dict[int, int]:
    days = ((kind, getattr(keep, f"{name}_days")) for name, kind in KIND_BY_NAME.items())
    return {int(kind): now_ms - n_days * DAY_MS for kind, n_days in days if n_days}


def _before(now_ms: int, days: int) -> int:
    """The moment until which things are too old; 0 where they are kept for ever."""
    return now_ms - days * DAY_MS if days else 0


def _answers(home: Path, before_ms: int, *, is_trial: bool) -> int:
    answers = open_answer_log(home)
    if answers is None:
        return 0
    with closing(answers):
        return answers.count_before(before_ms) if is_trial else sum(iter(lambda: answers.expire(before_ms), 0))


def _old_rejects(home: Path, keep: KeepSettings, now_ms: int) -> list[Path]:
    before_ms = _before(now_ms, keep.reject_days)
    return [file for file in sorted((home / REJECTS).glob("*.jsonl")) if _named_ms(file) < before_ms]


def _old_imports(home: Path, keep: KeepSettings, now_ms: int) -> list[Path]:
    """All old ones but the newest, which says in which time zone the files are."""
    before_ms = _before(now_ms, keep.import_days)
    files = sorted((home / IMPORTS).glob("*.json"), key=_changed_ms)
    return [file for file in files[:-1] if _changed_ms(file) < before_ms]


def _named_ms(file: Path) -> int:
    """When the import was: an erasure may have changed the file since."""
    try:
        moment = datetime.strptime(file.name[:16], _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return _changed_ms(file)
    return int(moment.timestamp() * 1_000)


def _changed_ms(file: Path) -> int:
    return file.stat().st_mtime_ns // 1_000_000
