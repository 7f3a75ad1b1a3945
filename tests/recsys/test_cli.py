"""The command itself: help, errors, where state lives, and what it loads before it knows its threads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli import JOBS, application, limit, place_of, told
from recsys.errors import BadFile, LogUnavailable
from recsys.threads import THREAD_LIMITS

HEAVY = ("numpy", "polars", "scipy", "faiss", "pydantic", "fastapi", "implicit")


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), list(words))


def test_nothing_heavy_is_loaded_before_a_command_knows_its_threads() -> None:
    code = (
        f"import sys; from recsys.cli import application; application(); print(sorted({set(HEAVY)} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_help_names_the_commands_of_every_layer_and_the_exit_codes() -> None:
    told = run("--help")
    assert told.exit_code == 0
    assert {"import", "recommend", "similar"} <= set(told.stdout.split())
    assert "130 stopped" in " ".join(told.stdout.split())


def test_every_command_shows_an_example() -> None:
    for words in (["recommend"], ["similar"], ["import", "events"], ["import", "items"], ["import", "users"]):
        assert "Example: recsys" in run(*words, "--help").stdout


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout.startswith("recsys ")


def test_the_settings_file_is_that_of_home_else_that_of_the_folder_else_none(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    assert place_of(home, folder).file is None
    (folder / "recsys.toml").touch()
    assert place_of(home, folder).file == folder / "recsys.toml"
    (home / "recsys.toml").touch()
    assert place_of(home, folder).file == home / "recsys.toml"


def test_home_comes_from_the_environment_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path / "there"))
    run("recommend", "u")
    assert (tmp_path / "there" / "shop.db").is_file()


def test_before_the_first_training_asking_says_to_train(tmp_path: Path) -> None:
    for words in (("recommend", "u"), ("similar", "i")):
        told = run("--home", str(tmp_path), *words)
        assert told.exit_code == 1
        assert told.stderr.startswith("no_live_bundle: ")
        assert "recsys train" in told.stderr
        assert told.stdout == ""


def test_a_wrong_setting_says_which(tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text("redis_ur = 1\n")
    told = run("--home", str(tmp_path), "recommend", "u")
    assert (told.exit_code, "did you mean 'redis_url'" in told.stderr) == (1, True)


def test_a_store_that_cannot_be_opened_exits_with_4(tmp_path: Path) -> None:
    (tmp_path / "shop.db").mkdir()
    told = run("--home", str(tmp_path), "recommend", "u")
    assert (told.exit_code, told.stderr.startswith("log_unavailable")) == (4, True)


def test_debug_keeps_the_error_as_it_was(tmp_path: Path) -> None:
    told = run("--home", str(tmp_path), "--debug", "recommend", "u")
    assert type(told.exception).__name__ == "NoBundle"


def test_wrong_usage_exits_with_2() -> None:
    assert run("recommend").exit_code == 2
    assert run("recommend", "u", "-k", "0").exit_code == 2


def test_every_error_is_one_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert [told(BadFile("a\nb")), told(LogUnavailable("c")), told(ValueError("d"))] == [1, 4, 5]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "bad_file: a b"
    assert lines[2].startswith("fault: ValueError: d; ")


def test_jobs_leave_polars_every_core_and_answers_take_one_thread() -> None:
    answer: dict[str, str] = {"OMP_NUM_THREADS": "3"}
    limit(answer, "recommend")
    assert answer == {**dict.fromkeys(THREAD_LIMITS, "1"), "OMP_NUM_THREADS": "3"}
    for command in JOBS:
        job: dict[str, str] = {}
        limit(job, command)
        assert set(THREAD_LIMITS) - set(job) == {"POLARS_MAX_THREADS"}


def test_the_console_script_answers_for_help_quickly() -> None:
    env = {**os.environ, "COLUMNS": "200"}
    script = Path(sys.executable).with_name("recsys")
    found = subprocess.run([script, "similar", "--help"], capture_output=True, text=True, check=True, env=env)
    assert "What goes with this item." in found.stdout
