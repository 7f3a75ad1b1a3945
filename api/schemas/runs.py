"""Run schemas: the runs of jobs that the store keeps."""

from typing import Any

from pydantic import BaseModel

from recsys.data.runs import RunVerdict


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


class RunsOut(BaseModel):
    """Runs, the newest first."""

    runs: list[RunOut]
