"""Run schemas: the runs of jobs that the store keeps."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints

from api.schemas.common import In
from recsys.data.runs import RunVerdict

ReleaseName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class RunOut(BaseModel):
    """One run of a job, as `recsys runs --json` shows it.  `log` is empty in a list of runs."""

    run_id: str
    job: str
    cause: str
    started_ms: int
    process: str
    alive_ms: int
    ended_ms: int | None
    verdict: RunVerdict
    reasons: list[str]
    log_id: str
    log_seq: int
    item_revision: int
    data_digest: str
    version: str | None
    result: dict[str, Any]
    wall_s: float
    cpu_s: float
    peak_mib: float
    steps: dict[str, dict[str, float]]
    log: list[str]


class ReleaseOut(BaseModel):
    """A published release.  damage: what is wrong with its files, else null.  verdict: of the gate, if it gave one."""

    version: str
    is_live: bool
    made_at_ms: int | None
    n_bytes: int
    metrics: dict[str, Any]
    damage: str | None
    state: str
    verdict: dict[str, Any] | None


class ReleasesOut(BaseModel):
    """Releases, the newest first."""

    releases: list[ReleaseOut]


class SettingOut(BaseModel):
    """One setting as a command that starts now reads it; a secret is `***` where it is set, and never shown.

    `place`: the file or the variable that says it; `counts`: when a change counts.  `running`: what the service still
    works with where that is another value (`is_pending`): it was changed after the service started.
    """

    table: str
    name: str
    value: Any
    default: Any
    source: Literal["default", "file", "variable"]
    place: str
    allowed: str
    meaning: str
    counts: str
    running: Any
    is_pending: bool


class SettingsOut(BaseModel):
    """Every setting, by table; `file`: where they are read from, null without one."""

    file: str | None
    settings: list[SettingOut]


class PromoteIn(In):
    """The release to put into service."""

    version: ReleaseName


class RollbackIn(In):
    """The release to go back to; without it the one that was live before."""

    version: ReleaseName | None = None


class LiveReleaseOut(BaseModel):
    """The release that is live now; each worker takes it within seconds."""

    live: str


class RunsOut(BaseModel):
    """Runs, the newest first."""

    runs: list[RunOut]
