"""Plans of the scheduled jobs, with their commands and limits, from the settings."""

import platform
import sys
from pathlib import Path

from training.schedule.cron import parse_cron
from training.schedule.jobs import JOBS, JOBS_BY_NAME, OFF
from training.schedule.limits import MIB, JobLimits, free_bytes
from training.schedule.schedule import JobPlan
from training.schedule.settings import ScheduleSettings

# `-P`: no file of the current folder stands for a module
RECSYS = (sys.executable, "-P", "-m", "recsys.cli")


def job_plans(settings: ScheduleSettings, home: Path) -> list[JobPlan]:
    """The plan of every job that is not off, in the order in which they start when they are due together."""
    plans = []
    for job in JOBS:
        own = settings.jobs()[job.name]
        cron = own.cron or job.cron
        if cron != OFF:
            times = parse_cron(cron, own.timezone or settings.timezone)
            seed = f"{platform.node()} {home.resolve()}"
            plans.append(JobPlan(job.name, times, settings.jitter_s, seed, settings.retries, settings.retry_s))
    return plans


def job_command(settings: ScheduleSettings, home: Path, job: str, cause: str | None = "schedule") -> list[str]:
    """The command of that job, as a person would type it.  cause: of its run; None for that of the environment."""
    causes = () if cause is None else ("--cause", cause)
    return [*RECSYS, "--home", str(home), *JOBS_BY_NAME[job].command, *settings.jobs()[job].arguments, *causes]


def job_limits(settings: ScheduleSettings, job: str) -> JobLimits:
    """What that job may take, when it starts now."""
    own = settings.jobs()[job]
    memory = own.max_memory_mb * MIB if own.max_memory_mb else free_bytes()
    return JobLimits(own.max_minutes * 60 or None, memory, settings.grace_s)
