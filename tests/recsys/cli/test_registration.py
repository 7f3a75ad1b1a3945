"""Registration of commands: jobs are marked where they are registered, and the core names none of them."""

import ast
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import recsys.cli
from recsys.cli.app import application
from recsys.cli.registration import Job, register_command, register_group
from recsys.threads import THREAD_LIMITS

JOBS = {
    "backup",
    "check",
    "cohorts",
    "compare",
    "evaluate",
    "expected-units",
    "import",
    "kpis",
    "lookalikes",
    "refresh",
    "restore",
    "schedule",
    "sweep",
    "train",
    "tune",
}


def commands(app: typer.Typer) -> dict[str, object]:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return dict(group.commands)


def test_every_job_is_marked_as_one_and_no_other_command_is() -> None:
    assert {name for name, command in commands(application()).items() if isinstance(command, Job)} == JOBS


def test_a_job_and_no_other_command_leaves_polars_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: value for name, value in os.environ.items() if name not in THREAD_LIMITS}
    unlimited = {}
    for name in commands(application()):
        environ = dict(without)
        monkeypatch.setattr(os, "environ", environ)
        assert CliRunner().invoke(application(), [name, "--help"]).exit_code == 0
        unlimited[name] = set(THREAD_LIMITS) - set(environ)
    assert {name for name, limits in unlimited.items() if limits} == JOBS
    assert {frozenset(unlimited[name]) for name in JOBS} == {frozenset({"POLARS_MAX_THREADS"})}


def test_the_core_names_no_command_of_the_packages_above() -> None:
    above = {name for name, command in commands(application()).items() if not is_of_core(command)}
    assert above > JOBS
    for path in Path(recsys.cli.__path__[0]).glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        keys = {key for node in nodes if isinstance(node, ast.Dict) for key in node.keys}  # fields of a result
        texts = {node.value for node in nodes if isinstance(node, ast.Constant) and node not in keys}
        assert texts & above == set()


def written_to(json: Path | None = None, k: int = 1) -> None:
    print(json, k)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "None 1"),
        ("--json", "- 1"),
        ("--json -", "- 1"),
        ("--json --k 3", "- 3"),
        ("--k 3 --json", "- 3"),
        ("--json out.json --k 3", "out.json 3"),
        ("--json=out.json", "out.json 1"),
    ],
)
def test_json_of_a_job_that_may_write_it_to_a_file_prints_it_without_one(words: str, expected: str) -> None:
    app = typer.Typer()
    register_command(app, written_to, panel="Test", is_job=True)
    result = CliRunner().invoke(app, words)
    assert result.stdout.strip() == expected, result.output


def is_of_core(command: object) -> bool:
    if isinstance(command, typer.core.TyperGroup):  # other packages add commands to groups of the core
        return any(is_of_core(below) for below in command.commands.values())
    assert isinstance(command, typer.core.TyperCommand)
    return str(getattr(command.callback, "__module__", "")).startswith("recsys.")


def test_a_command_is_registered_with_its_panel_and_exit_codes() -> None:
    def forecast() -> None:
        """Say what will be sold."""

    def next_week() -> None:
        """Say what will be sold next week."""

    app = typer.Typer()
    register_command(app, forecast, panel="Plan", is_job=True)
    register_group(app, "stock", (next_week,), panel="Plan", help="Plan the stock.")
    assert {name: isinstance(command, Job) for name, command in commands(app).items()} == {
        "forecast": True,
        "stock": False,
    }
    output = CliRunner().invoke(app, ["--help"]).stdout
    assert "Plan" in output
    assert "Say what will be sold." in output
    assert "Exit codes: 0 done" in " ".join(CliRunner().invoke(app, ["stock", "next-week", "--help"]).stdout.split())
