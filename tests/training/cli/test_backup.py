"""`recsys backup` and `recsys restore` say what they did, and are found by their settings."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store
from tests.training.backup.conftest import make_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "home")
    return tmp_path / "home"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), *words])


def test_the_settings_say_where_to_and_how_many_stay(home: Path, tmp_path: Path) -> None:
    (home / "recsys.toml").write_text(f'[backup]\nto = "{tmp_path / "backups"}"\nkeep = 1\n')
    results = [json.loads(run(home, "backup", "--json").stdout) for _ in range(2)]
    assert results[1]["deleted"] == [results[0]["name"]]
    assert (results[1]["log"]["rows"]["events"], results[1]["copied"]) == (3, [])
    (last, *_) = json.loads(run(home, "runs", "--job", "backup", "--json").stdout)
    assert (last["verdict"], last["result"]["backup"]) == ("done", results[1]["name"])
    listed = json.loads(run(home, "restore", str(tmp_path / "backups"), "--list", "--json").stdout)
    assert [each["name"] for each in listed] == [results[1]["name"]]


def test_without_a_place_the_command_says_how_to_name_one(home: Path) -> None:
    result = run(home, "backup")
    assert result.exit_code == 1
    assert "recsys backup FOLDER" in result.stderr


def test_a_backup_and_its_restore_are_told_in_words(home: Path, tmp_path: Path) -> None:
    made = run(home, "backup", str(tmp_path / "backups"))
    assert "3 events, 1 items, 2 customers, 1 answers, 1 releases; restored for a trial, and equal" in made.stdout
    store = open_store(home, None)
    store.erase_user("u")
    store.close()
    done = run(home, "restore", str(tmp_path / "backups"), "--replace")
    assert "younger than the backup, and kept: 1 erasures" in done.stdout
    assert f"moved aside: {home}/.replaced-" in done.stdout


def test_a_restore_without_backups_says_so(tmp_path: Path) -> None:
    result = run(tmp_path / "home", "restore", str(tmp_path / "none"))
    assert (result.exit_code, "there are no backups here" in result.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
