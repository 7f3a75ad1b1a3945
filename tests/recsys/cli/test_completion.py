"""Shell completion as a shell calls it: through the environment, before any command runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RECSYS = [sys.executable, "-c", "import sys; sys.argv[0] = 'recsys'; from recsys.cli.app import main; main()"]


def completed(words: str, cwd: Path) -> list[str]:
    """What bash offers for the last of the words."""
    line = words.split(" ")
    env = {
        **os.environ,
        "_RECSYS_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(line) if line[-1] else words,
        "COMP_CWORD": str(len(line) - 1),
    }
    result = subprocess.run(RECSYS, capture_output=True, text=True, env=env, cwd=cwd, check=False)
    assert "Traceback" not in result.stderr, result.stderr
    return result.stdout.split()


def test_placements_of_ours_and_of_the_shop_are_offered(tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text('[placements.hallway]\nsources = ["discover"]\n')
    assert completed("recsys recommend u --placement h", tmp_path) == ["home", "hallway"]
    assert completed("recsys rules try r.toml --placement buy", tmp_path) == ["buy-again"]


def test_broken_settings_leave_our_placements(tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text("[placements\n")
    assert completed("recsys why u i --placement hom", tmp_path) == ["home"]


@pytest.mark.parametrize("command", ["rollback", "compare", "compare 20260101T000000Z-aaaa"])
def test_releases_of_the_given_home_are_offered_newest_first(command: str, tmp_path: Path) -> None:
    for name in ("20260101T000000Z-aaaa", "20260201T000000Z-bbbb", ".gone-20250101T000000Z-cccc"):
        (tmp_path / "shop" / "bundles" / name).mkdir(parents=True)
    offered = completed(f"recsys --home shop {command} 2026", tmp_path)
    assert offered == ["20260201T000000Z-bbbb", "20260101T000000Z-aaaa"]


def test_models_are_offered_and_nothing_is_made(tmp_path: Path) -> None:
    assert completed("recsys tune --model item", tmp_path) == ["item_neighbours"]
    assert completed("recsys evaluate --model eas", tmp_path) == ["ease"]
    assert completed("recsys rollback 2", tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_shell_gets_the_script_that_calls_all_this() -> None:
    env = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    result = subprocess.run([*RECSYS, "--show-completion", "bash"], capture_output=True, text=True, env=env, check=True)
    assert "_RECSYS_COMPLETE=complete_bash" in result.stdout
