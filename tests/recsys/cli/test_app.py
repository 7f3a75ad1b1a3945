"""The command `recsys`: help, errors, where state lives, and what it loads before its thread limits are set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys import __version__
from recsys.cli.app import application, limit, report_error
from recsys.data.store.open import open_store
from recsys.errors import BadFile, LogUnavailable
from recsys.testing import small_events
from recsys.threads import THREAD_LIMITS

HEAVY = ("numpy", "polars", "scipy", "faiss", "pydantic", "fastapi", "implicit")


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), list(words))


def test_nothing_heavy_is_loaded_before_a_command_knows_its_threads() -> None:
    load = "import sys; from recsys.cli.app import application; application()"
    code = f"{load}; print(sorted({set(HEAVY)} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_help_names_the_commands_of_every_layer_and_the_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert {"import", "recommend", "similar"} <= set(result.stdout.split())
    assert "130 stopped" in " ".join(result.stdout.split())


def test_every_command_shows_an_example() -> None:
    for words in (["recommend"], ["similar"], ["import", "events"], ["import", "items"], ["import", "users"]):
        assert "Example: recsys" in run(*words, "--help").stdout


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout.startswith("recsys ")
    assert run("--version").stdout == f"recsys {__version__}\n"


def test_home_comes_from_the_environment_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_HOME", str(tmp_path / "there"))
    assert f"{tmp_path / 'there'}: there is no shop here" in run("recommend", "u").stderr


def test_before_the_first_training_asking_says_to_train(tmp_path: Path) -> None:
    open_store(tmp_path, None).close()
    for words in (("recommend", "u"), ("similar", "i")):
        result = run("--home", str(tmp_path), *words)
        assert result.exit_code == 1
        assert result.stderr.startswith("no_live_bundle: ")
        assert "recsys train" in result.stderr
        assert result.stdout == ""


def test_a_wrong_setting_says_which(tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text("redis_ur = 1\n")
    result = run("--home", str(tmp_path), "recommend", "u")
    assert (result.exit_code, "did you mean 'redis_url'" in result.stderr) == (1, True)


def test_a_store_that_cannot_be_opened_exits_with_4(tmp_path: Path) -> None:
    (tmp_path / "shop.db").mkdir()
    result = run("--home", str(tmp_path), "recommend", "u")
    assert (result.exit_code, result.stderr.startswith("log_unavailable")) == (4, True)


def test_debug_keeps_the_error_as_it_was(tmp_path: Path) -> None:
    open_store(tmp_path, None).close()
    result = run("--home", str(tmp_path), "--debug", "recommend", "u")
    assert type(result.exception).__name__ == "NoBundle"


def test_wrong_usage_exits_with_2() -> None:
    assert run("recommend").exit_code == 2
    assert run("recommend", "u", "-k", "0").exit_code == 2


def test_every_error_is_one_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert [report_error(BadFile("a\nb")), report_error(LogUnavailable("c")), report_error(ValueError("d"))] == [
        1,
        4,
        5,
    ]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "bad_file: a b"
    assert lines[2].startswith("fault: ValueError: d; ")


def test_a_place_that_may_not_be_written_is_named_and_can_be_mended(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_error(PermissionError(13, "Permission denied", "home/bundles")) == 1
    assert "home/bundles: Permission denied; check" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("[models]\nals = 3\n", "[models.als]"),
        ('[placements.x]\nsources = ["nope"]\n', "no source 'nope'"),
        (
            '[placements.x]\nsources = ["buy_again", "discover", "trending"]\nmix = "probability"\n',
            "merges 2 sources, not 3",
        ),
    ],
)
def test_nothing_is_learnt_or_published_under_settings_that_nobody_can_serve(
    tmp_path: Path, settings: str, says: str
) -> None:
    store = open_store(tmp_path, None)
    store.append(small_events())
    store.close()
    (tmp_path / "recsys.toml").write_text(settings)
    said = run("--home", str(tmp_path), "train")
    assert said.exit_code == 1, said.stderr
    assert says in said.stderr
    assert not (tmp_path / "bundles" / "LIVE").exists()


def test_jobs_leave_polars_every_core_and_answers_take_one_thread() -> None:
    answer: dict[str, str] = {"OMP_NUM_THREADS": "3"}
    limit(answer, is_job=False)
    assert answer == {**dict.fromkeys(THREAD_LIMITS, "1"), "OMP_NUM_THREADS": "3"}
    job: dict[str, str] = {}
    limit(job, is_job=True)
    assert set(THREAD_LIMITS) - set(job) == {"POLARS_MAX_THREADS"}


def test_the_console_script_answers_for_help_quickly() -> None:
    env = {**os.environ, "COLUMNS": "200"}
    script = Path(sys.executable).with_name("recsys")
    process = subprocess.run([script, "similar", "--help"], capture_output=True, text=True, check=True, env=env)
    assert "What goes with this item." in process.stdout


def test_an_argument_that_is_no_text_and_a_number_that_no_machine_holds_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = run("--home", str(tmp_path), "recommend", "ann\udcff")
    assert (odd.exit_code, "no UTF-8" in odd.output) == (2, True)
    assert report_error(OverflowError("int too big to convert")) == 1
    assert report_error(OSError(5, "Input/output error")) == 1
    assert report_error(ConnectionResetError(104, "reset")) == 5
    assert "bad_input: a number is too large" in capsys.readouterr().err
