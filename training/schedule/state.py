"""State of the schedule: the last time of each job that was done, kept in a file of the home across restarts."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from recsys.atomic_file import replace_file
from training.schedule.limits import JobEnd

log = logging.getLogger(__name__)

STATE_FILE = "run/schedule.json"


@dataclass(frozen=True, slots=True)
class JobState:
    """Times are Unix ms.  done_ms: the last time of the cron text that needs no further attempt.

    due_ms: a time that was attempted and is not done, with the number of attempts, the last one counted when it began;
    retry_ms: when to try again.  last_end: of the last attempt; ended_ms: when it ended.
    """

    done_ms: int
    due_ms: int | None = None
    attempts: int = 0
    retry_ms: int = 0
    last_end: JobEnd | None = None
    ended_ms: int | None = None


@dataclass(slots=True)
class ScheduleState:
    """The states of the jobs by name.  A change is on disk before the call returns; on a full disk it is kept here."""

    file: Path
    states: dict[str, JobState] = field(default_factory=dict)

    def put(self, job: str, state: JobState) -> None:
        """Replaces the state of that job."""
        self.states[job] = state
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.file, orjson.dumps({name: asdict(each) for name, each in self.states.items()}))
        except OSError as error:
            log.warning("schedule_not_saved", extra={"job": job, "error": str(error)})


def read_state(home: Path) -> ScheduleState:
    """The state of that home; empty where there is none, or none that can be read."""
    file = home / STATE_FILE
    try:
        states = {name: _parse(values) for name, values in orjson.loads(file.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        states = {}
    return ScheduleState(file, states)


def _parse(values: Mapping[str, object]) -> JobState:
    end = values.get("last_end")
    return JobState(**{**values, "last_end": JobEnd(**end) if isinstance(end, dict) else None})  # type: ignore[arg-type]
