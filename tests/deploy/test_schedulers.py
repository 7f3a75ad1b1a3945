"""Jobs driven by cron, systemd, Kubernetes, Airflow and `recsys schedule`: times, commands and options exist."""

import ast
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from recsys.cli.app import application
from recsys.cli.context import GATE_REFUSED, INTERNAL_ERROR, NOTHING_NEW, UNAVAILABLE
from training.schedule.cron import parse_cron
from training.schedule.jobs import JOBS_BY_NAME
from training.schedule.schedule import RETRIED

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
AIRFLOW = DEPLOY / "airflow" / "recsys_jobs.py"


def cron_lines() -> list[list[str]]:
    """Of each job: the five fields of its time, the user, the words of the command."""
    lines = (DEPLOY / "cron" / "recsys").read_text().splitlines()
    return [line.split() for line in lines if re.match(r"[\d*]", line)]


def cron_jobs() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / "base" / "jobs.yaml").read_text()))


def container(cron_job: dict[str, Any]) -> dict[str, Any]:
    (only,) = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return dict(only)


def operators() -> list[dict[str, Any]]:
    """The arguments of each operator of the DAG, with the constants of the module in their places."""
    tree = ast.parse(AIRFLOW.read_text())
    names = {
        ast.unparse(node.targets[0]): literal(node.value, {}) for node in tree.body if isinstance(node, ast.Assign)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "BashOperator"]
    return [{str(part.arg): literal(part.value, names) for part in call.keywords} for call in calls]


def literal(node: ast.expr, names: dict[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return names[name]
        case ast.FormattedValue(value=value):
            return literal(value, names)
        case ast.JoinedStr(values=parts):
            return "".join(str(literal(part, names)) for part in parts)
        case ast.List(elts=parts):
            return [literal(part, names) for part in parts]
        case _:
            return ast.literal_eval(node)


def commands() -> Iterator[str]:
    """Every command that an example starts, from `recsys` on."""
    yield from (" ".join(words[6:]) for words in cron_lines())
    for unit in UNITS:
        yield from re.findall(r"^ExecStart=(.*recsys .*)$", unit.read_text(), re.MULTILINE)
    yield from (" ".join(container(job)["command"]) for job in cron_jobs())
    yield from (arguments["bash_command"] for arguments in operators())
    services = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())["services"].values()
    yield from (f"recsys {' '.join(service['command'])}" for service in services if "build" in service)


def test_every_command_and_option_of_an_example_exists() -> None:
    found = set()
    for text in commands():
        words = shlex.split(re.split(r" (?:\|\||>) ", text.partition("recsys ")[2])[0])
        command: Any = typer.main.get_command(application())
        while hasattr(command, "commands"):
            assert words[0] in command.commands, text
            found.add(words[0])
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, text
    assert found >= {"train", "sweep", "check", "schedule", "serve"}


def test_every_time_of_an_example_is_a_cron_text_and_a_user_runs_it() -> None:
    assert len(cron_lines()) == 4
    for words in cron_lines():
        parse_cron(" ".join(words[:5]), "UTC")
        assert words[5] == "recsys"
    for job in cron_jobs():
        parse_cron(job["spec"]["schedule"], job["spec"]["timeZone"])
    (schedule,) = re.findall(r'schedule="(.+)"', AIRFLOW.read_text())
    parse_cron(schedule, "UTC")


def test_the_training_of_an_example_begins_when_that_of_the_scheduler_does() -> None:
    texts = [" ".join(words[:5]) for words in cron_lines() if words[-1] == "train"]
    texts += [job["spec"]["schedule"] for job in cron_jobs() if job["metadata"]["name"] == "recsys-train"]
    texts += re.findall(r'schedule="(.+)"', AIRFLOW.read_text())
    assert texts == [JOBS_BY_NAME["train"].cron] * 3
    assert "OnCalendar=*-*-* 03:30" in (DEPLOY / "systemd" / "recsys-train.timer").read_text()


def test_a_cron_job_of_kubernetes_does_not_overlap_itself_and_is_bounded() -> None:
    names = [job["metadata"]["name"] for job in cron_jobs()]
    assert names == ["recsys-train", "recsys-sweep"]
    for job in cron_jobs():
        assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
        spec = job["spec"]
        assert spec["concurrencyPolicy"] == "Forbid"
        pod = spec["jobTemplate"]["spec"]["template"]["spec"]
        assert pod["restartPolicy"] == "Never"  # a policy of failures needs it
        assert "memory" in container(job)["resources"]["limits"]
        assert {mount["name"] for mount in container(job)["volumeMounts"]} == {
            volume["name"] for volume in pod["volumes"]
        }


def test_kubernetes_tries_again_what_the_scheduler_does() -> None:
    for job in cron_jobs():
        (rule,) = job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
        assert rule["onExitCodes"]["containerName"] == container(job)["name"]
        assert set(rule["onExitCodes"]["values"]).isdisjoint(RETRIED)
        assert RETRIED == (UNAVAILABLE, INTERNAL_ERROR)
    train, _ = cron_jobs()
    (rule,) = train["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert GATE_REFUSED in rule["onExitCodes"]["values"]


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (NOTHING_NEW, 0), (GATE_REFUSED, GATE_REFUSED), (4, 4)])
def test_nothing_new_is_no_failure_in_kubernetes(code: int, expected: int, tmp_path: Path) -> None:
    (tmp_path / "recsys").write_text(f"#!/bin/sh\nexit {code}\n")
    (tmp_path / "recsys").chmod(0o755)
    shell, flag, script = container(cron_jobs()[0])["command"]
    assert subprocess.run([shell, flag, script], env={"PATH": str(tmp_path)}, check=False).returncode == expected


def test_nothing_new_is_no_failure_in_airflow_and_systemd() -> None:
    (train,) = (arguments for arguments in operators() if arguments["task_id"] == "train")
    assert NOTHING_NEW in train["skip_on_exit_code"]
    assert f"SuccessExitStatus={NOTHING_NEW}\n" in (DEPLOY / "systemd" / "recsys-train.service").read_text()


def test_the_dag_of_airflow_compiles_and_orders_its_tasks() -> None:
    compile(AIRFLOW.read_text(), AIRFLOW.name, "exec")
    assert [arguments["task_id"] for arguments in operators()] == ["check", "train", "sweep"]
    assert "check >> train >> sweep" in AIRFLOW.read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/recsys/.venv/bin/recsys", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    named = [str(tmp_path / unit.name) for unit in UNITS if "@" not in unit.name]
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *named], capture_output=True, text=True, check=False
    )
    complaints = [line for line in result.stderr.splitlines() if str(tmp_path) in line]
    # before systemd 254 it is not known, and the scheduler watches the memory of its jobs itself
    assert [line for line in complaints if "DelegateSubgroup" not in line] == []
    assert result.returncode == 0, result.stderr
