"""Command context: which settings file holds."""

from pathlib import Path

from recsys.cli.context import CliContext


def test_the_settings_file_is_that_of_home_else_that_of_the_folder_else_none(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    assert CliContext(home, folder).file is None
    (folder / "recsys.toml").touch()
    assert CliContext(home, folder).file == folder / "recsys.toml"
    (home / "recsys.toml").touch()
    assert CliContext(home, folder).file == home / "recsys.toml"
