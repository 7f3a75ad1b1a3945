"""Settings of the schedule: jobs have times by themselves, and a wrong time is refused with its name."""

from pathlib import Path
from typing import Any

import pytest
import typer.main

from recsys.cli.app import application
from recsys.errors import BadSettings
from training.schedule.jobs import JOBS, OFF, ScheduledJob
from training.schedule.limits import MIB, free_bytes
from training.schedule.plans import job_command, job_limits, job_plans
from training.schedule.settings import ScheduleSettings


def load(tmp_path: Path, text: str) -> ScheduleSettings:
    file = tmp_path / "recsys.toml"
    file.write_text(text)
    return ScheduleSettings.load(file, {})


def test_every_job_has_settings_and_a_time_that_can_be_read(tmp_path: Path) -> None:
    assert {job.name for job in JOBS} <= ScheduleSettings().jobs().keys()
    planned = {plan.name for plan in job_plans(ScheduleSettings(), tmp_path)}
    assert planned == {job.name for job in JOBS if job.cron != OFF}
    assert {"train", "check", "sweep"} <= planned


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_the_command_of_every_job_exists_and_takes_a_cause(job: ScheduledJob) -> None:
    command: Any = typer.main.get_command(application())
    for word in (*job.command, *job.needs[:1]):
        command = command.commands[word]
    assert "--cause" in {option for parameter in command.params for option in parameter.opts}


def test_a_job_keeps_its_time_when_another_of_its_settings_is_given(tmp_path: Path) -> None:
    settings = load(tmp_path, "[schedule.train]\nmax_minutes = 60\n")
    assert [plan.times.text for plan in job_plans(settings, tmp_path) if plan.name == "train"] == ["30 3 * * *"]
    assert job_limits(settings, "train").seconds == 3_600


def test_a_job_may_be_off_and_have_a_zone_of_its_own(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        '[schedule]\ntimezone = "Europe/Berlin"\n[schedule.sweep]\ncron = "off"\n'
        '[schedule.train]\ntimezone = "America/New_York"\ncron = "0 2 * * *"\n',
    )
    zones = {plan.name: str(plan.times.zone) for plan in job_plans(settings, tmp_path)}
    assert zones["train"] == "America/New_York"
    assert zones["check"] == "Europe/Berlin"
    assert "sweep" not in zones


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[schedule.train]\ncron = "30 3 * *"\n', "'30 3 \\* \\*' is no cron text"),
        ('[schedule.train]\ncron = "30 25 * * *"\n', "30 25"),
        ('[schedule]\ntimezone = "Berlin"\n', "no time zone 'Berlin'"),
        ('[schedule.check]\ntimezone = "Berlin"\n', "no time zone 'Berlin'"),
        ("[schedule]\njiter_s = 3\n", "did you mean 'jitter_s'"),
        ("[schedule.train]\nmax_minutes = -1\n", "schedule.train.max_minutes"),
        ('[schedule.export]\ncron = "0 2 * * *"\n', "schedule.export needs arguments, such as"),
        ('[schedule.import]\ncron = "0 2 * * *"\n', "schedule.import needs arguments, such as"),
        ('[schedule.tarin]\ncron = "0 2 * * *"\n', "did you mean 'train'"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadSettings, match=message):
        load(tmp_path, text)


def test_a_job_is_the_command_that_a_person_would_type(tmp_path: Path) -> None:
    settings = load(tmp_path, '[schedule.check]\narguments = ["--json"]\n')
    words = ["--home", "shop", "check", "--json", "--cause", "schedule"]
    assert job_command(settings, Path("shop"), "check")[-6:] == words
    assert job_command(settings, Path("shop"), "train", None)[-3:] == ["--home", "shop", "train"]


def test_an_import_and_an_export_are_jobs_by_their_arguments(tmp_path: Path) -> None:
    cron = 'cron = "0 2 * * *"'
    settings = load(
        tmp_path,
        f'[schedule.import]\n{cron}\narguments = ["events", "--from", "shop"]\n'
        f'[schedule.export]\n{cron}\narguments = ["recommendations", "--out", "lists.csv"]\n',
    )
    assert {"import", "export"} <= {plan.name for plan in job_plans(settings, tmp_path)}
    imports, exports = (job_command(settings, tmp_path, job) for job in ("import", "export"))
    assert imports[-6:] == ["import", "events", "--from", "shop", "--cause", "schedule"]
    assert exports[-6:] == ["export", "recommendations", "--out", "lists.csv", "--cause", "schedule"]


def test_memory_is_bounded_by_the_setting_or_by_what_is_free(tmp_path: Path) -> None:
    settings = load(tmp_path, "[schedule.train]\nmax_memory_mb = 2000\nmax_minutes = 0\n")
    limits = job_limits(settings, "train")
    assert limits.memory_bytes == 2_000 * MIB
    assert limits.seconds is None
    free, limit = free_bytes(), job_limits(settings, "check").memory_bytes
    assert free is not None
    assert limit is not None
    assert 0.5 < limit / free < 2
