"""Table of the jobs that `recsys schedule` runs, each by its command, so that cron and systemd do the same."""

from dataclasses import dataclass

OFF = "off"  # a cron text of a job that is not scheduled


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job, the words of its command after `recsys --home HOME`, and when it runs unless `[schedule]` says else.

    Its command takes `--cause`, and keeps a run.  needs: further words without which it can do nothing, as an example.
    """

    name: str
    command: tuple[str, ...]
    cron: str
    needs: tuple[str, ...] = ()


# A job registers itself by a line here, and by a field of `ScheduleSettings`.  Due at the same time, the first starts.
JOBS: tuple[ScheduledJob, ...] = (
    ScheduledJob("import", ("import",), OFF, ("events", "--from", "NAME")),  # a source of `[sources.NAME]`
    ScheduledJob("kpis", ("kpis",), "45 2 * * MON"),  # of the week that has just ended
    ScheduledJob("check", ("check",), "0 3 * * *"),
    ScheduledJob("train", ("train",), "30 3 * * *"),
    ScheduledJob("canary", ("canary", "judge"), "*/10 * * * *"),
    ScheduledJob("refresh", ("refresh",), "15 * * * *"),
    ScheduledJob("export", ("export",), OFF, ("recommendations", "--out", "lists.parquet")),
    ScheduledJob("warn", ("warn",), OFF),  # it needs somebody to tell, `[notify]`
    ScheduledJob("sweep", ("sweep",), "30 5 * * SUN"),
    ScheduledJob("backup", ("backup",), OFF),  # it needs a place, `[backup] to`
)
JOBS_BY_NAME = {job.name: job for job in JOBS}
