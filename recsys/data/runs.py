"""Run record of a job, and the table of all runs that a store keeps: when, why, from which data, with which verdict."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal

import orjson

from recsys.data.lineage import UNNAMED, Watermark
from recsys.time_units import MINUTE_MS

RunVerdict = Literal["running", "promoted", "rejected", "forced", "nothing_new", "done", "alarm", "failed", "died"]

SUCCESSES: tuple[RunVerdict, ...] = ("promoted", "forced", "nothing_new", "done", "alarm")
WATCHED_FIGURES = "watched_figures"  # in the result of key figures: whether each is outside its band, by name
CHANGED_CUSTOMERS = "changed_customers"  # in the result of a run: changes of customers that wait to be notified
LEASE_MS = 3 * MINUTE_MS  # without a sign of life for so long a run counts as dead

_PUT = """
INSERT INTO runs(run_id, job, verdict, started_ms, alive_ms, document, due) VALUES($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (run_id) DO UPDATE
SET verdict = excluded.verdict, alive_ms = excluded.alive_ms, document = excluded.document, due = excluded.due
"""
_DUE = "SELECT document, alive_ms, due FROM runs WHERE due <> '' AND due_ms <= $1 ORDER BY started_ms LIMIT 100"
_CLAIM = "UPDATE runs SET due_ms = $1 WHERE run_id = $2 AND due <> '' AND due_ms <= $3 RETURNING run_id"
_REWRITE = "UPDATE runs SET document = $1 WHERE run_id = $2"
_SET_DUE = "UPDATE runs SET due = $1, due_ms = $2 WHERE run_id = $3"
_ALIVE = "UPDATE runs SET alive_ms = $1 WHERE run_id = $2 AND verdict = 'running'"
_COLUMNS = "SELECT document, alive_ms FROM runs"
_NEWEST = "ORDER BY started_ms DESC, run_id DESC LIMIT"
_ALL = f"{_COLUMNS} {_NEWEST} $1"
_OF_JOB = f"{_COLUMNS} WHERE job = $1 AND started_ms <= $2 {_NEWEST} $3"
_OF_VERDICT = f"{_COLUMNS} WHERE job = $1 AND verdict = $2 AND started_ms <= $3 {_NEWEST} 1"
_ANY_TIME = 2**62
_RUN = f"{_COLUMNS} WHERE run_id = $1"
_UNENDED = f"{_COLUMNS} WHERE verdict = 'running' {_NEWEST} 1000"
_JOBS = "SELECT DISTINCT job FROM runs ORDER BY job"
_ENDED = "FROM runs WHERE started_ms < $1 AND verdict <> 'running'"
_DROP = f"DELETE FROM runs WHERE job = $1 AND run_id NOT IN (SELECT run_id FROM runs WHERE job = $1 {_NEWEST} $2)"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of a job.

    Times are Unix ms.  cause: what started it, such as "command line" or "schedule".  process: the machine, and the
    process there, see `process_name`.  alive_ms: its last sign of life; ended_ms: None while it runs.
    reasons: of the verdict, in plain words.  log_id, log_seq, item_revision: how far it read the log.
    data_digest: of what it learnt from and the settings; "" for jobs that learn nothing.
    version: the release it made.  result: what else it did, as numbers and words by name.
    wall_s, cpu_s, peak_mib: what it took.  steps: seconds and peak MiB by step.  log: its last lines.
    """

    run_id: str
    job: str
    cause: str
    started_ms: int
    process: str = ""
    alive_ms: int = 0
    ended_ms: int | None = None
    verdict: RunVerdict = "running"
    reasons: Sequence[str] = ()
    log_id: str = UNNAMED
    log_seq: int = 0
    item_revision: int = 0
    data_digest: str = ""
    version: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0
    steps: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    log: Sequence[str] = ()

    @property
    def watermark(self) -> Watermark:
        """Up to where it read the log."""
        return Watermark(self.log_id, self.log_seq, self.item_revision)

    @property
    def is_success(self) -> bool:
        return self.verdict in SUCCESSES

    def without_customers(self) -> "RunRecord":
        """The run without the changes of customers that wait to be notified."""
        return replace(self, result={name: value for name, value in self.result.items() if name != CHANGED_CUSTOMERS})

    def to_json(self) -> str:
        return orjson.dumps(self, option=orjson.OPT_SERIALIZE_NUMPY).decode()


_FIELDS = frozenset(field.name for field in fields(RunRecord))


class RunTable(ABC):
    """The runs of a store.  Every method raises `LogUnavailable` when it does not answer."""

    _HOLDING: ClassVar[str]  # condition on a document; parameter: a text

    def put_run(self, run: RunRecord, due: Sequence[str] = ()) -> None:
        """Stores or replaces it durably.  due: the channels by which its end is to be notified."""
        row = run.run_id, run.job, run.verdict, run.started_ms, run.alive_ms, run.to_json()
        self._write(_PUT, *row, " ".join(due))

    def due_runs(self, now_ms: int) -> list[tuple[RunRecord, list[str]]]:
        """Runs whose end is to be notified now, oldest first, with the channels that are left."""
        return [(_parse(*row), due.split()) for *row, due in self._read(_DUE, now_ms)]

    def claim_due_run(self, run_id: str, now_ms: int, *, until_ms: int) -> bool:
        """Keeps other processes from notifying it until then; False where another one does, or has done so."""
        return bool(self._write(_CLAIM, until_ms, run_id, now_ms))

    def set_due(self, run_id: str, due: Sequence[str], due_ms: int = 0) -> None:
        """Notes the channels that are left, and when they are due again."""
        self._write(_SET_DUE, " ".join(due), due_ms, run_id)

    def keep_run_alive(self, run_id: str, at_ms: int) -> None:
        """Notes a sign of life, unless the run has ended."""
        self._write(_ALIVE, at_ms, run_id)

    def run(self, run_id: str) -> RunRecord | None:
        """That run, or None."""
        return next(iter(self._runs(_RUN, run_id)), None)

    def runs(self, *, job: str | None = None, newest: int = 20) -> list[RunRecord]:
        """The newest runs, of that job or of all, newest first."""
        return self._runs(_ALL, newest) if job is None else self.runs_until(_ANY_TIME, job, newest=newest)

    def runs_until(self, at_ms: int, job: str, *, newest: int) -> list[RunRecord]:
        """The newest runs of that job that began by then, newest first."""
        return self._runs(_OF_JOB, job, at_ms, newest)

    def runs_holding(self, text: str) -> list[RunRecord]:
        """The runs whose JSON holds that piece, see `json_text`."""
        return self._runs(f"{_COLUMNS} {self._HOLDING} {_NEWEST} $2", text, 1_000_000)

    def rewrite_run(self, run: RunRecord) -> None:
        """Replaces what is stored of a run, and nothing of its state."""
        self._write(_REWRITE, run.to_json(), run.run_id)

    def unended_runs(self) -> list[RunRecord]:
        """Runs without an end, newest first: those that go on, and those that died."""
        return self._runs(_UNENDED)

    def run_jobs(self) -> list[str]:
        """The names of the jobs that ever ran, in order."""
        return [job for (job,) in self._read(_JOBS)]

    def last_success(self, job: str, until_ms: int = _ANY_TIME) -> RunRecord | None:
        """The newest run of that job that ended well, of those that began by then."""
        runs = (run for verdict in SUCCESSES for run in self._runs(_OF_VERDICT, job, verdict, until_ms))
        return max(runs, key=lambda run: (run.started_ms, run.run_id), default=None)

    def drop_runs(self, job: str, *, keep: int) -> None:
        """Deletes all runs of that job but the newest ones."""
        self._write(_DROP, job, keep)

    def count_runs(self, *, before_ms: int) -> int:
        """How many ended runs began before that."""
        return int(self._read(f"SELECT count(*) {_ENDED}", before_ms)[0][0])

    def drop_runs_before(self, before_ms: int) -> None:
        """Deletes them."""
        self._write(f"DELETE {_ENDED}", before_ms)

    def _runs(self, sql: str, *values: object) -> list[RunRecord]:
        return [_parse(document, alive_ms) for document, alive_ms in self._read(sql, *values)]

    @abstractmethod
    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows; none for a text that the database cannot hold.  Raises LogUnavailable."""

    @abstractmethod
    def _write(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Runs one statement durably; the rows that it returns.  Raises LogUnavailable."""


def _parse(document: str, alive_ms: int) -> RunRecord:
    """A newer build may have written more fields."""
    known = {name: value for name, value in orjson.loads(document).items() if name in _FIELDS}
    return RunRecord(**known | {"alive_ms": alive_ms})
