"""Schedule settings: `[schedule]` and `[schedule.JOB]` of `recsys.toml`, `RECSYS_SCHEDULE_*`."""

import json
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from recsys.config import SettingsSection, spelling_hint
from recsys.time_units import time_zone
from training.schedule.cron import parse_cron
from training.schedule.jobs import JOBS_BY_NAME, OFF


class JobSettings(BaseModel):
    """When one job runs, and how much it may take."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cron: str = Field(default="", description="minute, hour, day, month, weekday; off: never; left out: as built in")
    timezone: str = Field(default="", description="time zone of the cron text; left out: that of [schedule]")
    arguments: tuple[str, ...] = Field(default=(), description="further words of the command")
    max_minutes: float = Field(default=360.0, ge=0, description="a job that takes longer is ended; 0: no limit")
    max_memory_mb: int = Field(
        default=0, ge=0, description="a job that needs more is killed; 0: nine tenths of what is free at its start"
    )


class ScheduleSettings(SettingsSection):
    """Settings of `recsys schedule`."""

    section: ClassVar[str] = "schedule"

    timezone: str = Field(default="UTC", description="time zone of the cron texts")
    jitter_s: float = Field(default=120.0, ge=0, description="most seconds by which a start is put off, at random")
    retries: int = Field(default=3, ge=0, description="further attempts at a job that did not get through")
    retry_s: float = Field(default=60.0, gt=0, description="seconds before the first retry; they double each time")
    grace_s: float = Field(default=30.0, ge=0, description="seconds from SIGTERM to a job until it is killed")
    __annotations__["import"] = JobSettings  # no name that Python lets a class write
    vars()["import"] = JobSettings()
    train: JobSettings = JobSettings()
    refresh: JobSettings = JobSettings()
    check: JobSettings = JobSettings()
    canary: JobSettings = JobSettings()
    export: JobSettings = JobSettings()
    warn: JobSettings = JobSettings()
    sweep: JobSettings = JobSettings()
    kpis: JobSettings = JobSettings()
    backup: JobSettings = JobSettings()

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        time_zone(self.timezone)
        for name, job in self.jobs().items():
            if name not in JOBS_BY_NAME and job != JobSettings():
                raise ValueError(f"{name} is no job of this build; {spelling_hint(name, JOBS_BY_NAME)}")
            if job.cron not in ("", OFF):
                parse_cron(job.cron, job.timezone or self.timezone)
                _check_arguments(name, job)
            time_zone(job.timezone or "UTC")
        return self

    def jobs(self) -> dict[str, JobSettings]:
        """The settings of every job by its name."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in fields.items() if isinstance(value, JobSettings)}


def _check_arguments(name: str, job: JobSettings) -> None:
    needs = JOBS_BY_NAME[name].needs
    if needs and not job.arguments:
        raise ValueError(f"schedule.{name} needs arguments, such as {json.dumps(needs)}: its command does not say what")
