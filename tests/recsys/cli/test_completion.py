"""Shell completion as a shell calls it: through the environment, before any command runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys.cli.app import application

RECSYS = [sys.executable, "-c", "import sys; sys.argv[0] = 'recsys'; from recsys.cli.app import main; main()"]


def request(words: str) -> dict[str, str]:
    """The environment in which bash asks for the last of the words."""
    line = words.split(" ")
    return {
        "_RECSYS_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(line) if line[-1] else words,
        "COMP_CWORD": str(len(line) - 1),
    }


def completed(words: str) -> list[str]:
    """What bash offers for the last of the words, asked within this process."""
    result = CliRunner().invoke(application(), [], env=request(words), prog_name="recsys")
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.stdout.split()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: an empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_shell_that_starts_the_command_is_offered_placements_of_ours_and_of_the_shop(folder: Path) -> None:
    (folder / "recsys.toml").write_text('[placements.hallway]\nsources = ["discover"]\n')
    env = {**os.environ, **request("recsys recommend u --placement h")}
    result = subprocess.run(RECSYS, capture_output=True, text=True, env=env, check=False)
    assert "Traceback" not in result.stderr, result.stderr
    assert result.stdout.split() == ["home", "hallway"]
    assert completed("recsys rules try r.toml --placement buy") == ["buy-again"]


def test_broken_settings_leave_our_placements(folder: Path) -> None:
    (folder / "recsys.toml").write_text("[placements\n")
    assert completed("recsys why u i --placement hom") == ["home"]


@pytest.mark.parametrize("command", ["rollback", "compare", "compare 20260101T000000Z-aaaa"])
def test_releases_of_the_given_home_are_offered_newest_first(command: str, folder: Path) -> None:
    for name in ("20260101T000000Z-aaaa", "20260201T000000Z-bbbb", ".gone-20250101T000000Z-cccc"):
        (folder / "shop" / "bundles" / name).mkdir(parents=True)
    offered = completed(f"recsys --home shop {command} 2026")
    assert offered == ["20260201T000000Z-bbbb", "20260101T000000Z-aaaa"]


def test_models_are_offered_and_nothing_is_made(folder: Path) -> None:
    assert completed("recsys tune --model item") == ["item_neighbours"]
    assert completed("recsys evaluate --model eas") == ["ease"]
    assert completed("recsys rollback 2") == []
    assert list(folder.iterdir()) == []


def test_a_shell_gets_the_script_that_calls_all_this() -> None:
    env = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    result = subprocess.run([*RECSYS, "--show-completion", "bash"], capture_output=True, text=True, env=env, check=True)
    assert "_RECSYS_COMPLETE=complete_bash" in result.stdout
