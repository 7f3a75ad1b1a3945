"""`recsys settings` as a person types it."""

import json
from pathlib import Path

from typer.testing import CliRunner

from recsys.cli.app import application


def shown(home: Path, *words: str) -> str:
    result = CliRunner().invoke(application(), ["--home", str(home), "settings", *words])
    return f"{result.exit_code} {result.output}"


def test_what_is_changed_or_in_a_table_is_shown(tmp_path: Path) -> None:
    assert "Everything is at its default." in shown(tmp_path, "gate", "--changed")
    (tmp_path / "recsys.toml").write_text("[serve]\nworkers = 2\nbrowser_purchases = true\n")
    lines = shown(tmp_path, "serve", "--changed").splitlines()
    assert [line.split("\t")[:3] for line in lines[1:]] == [
        ["serve.workers", "2", "1"],
        ["serve.browser_purchases", "true", "false"],
    ]
    document = json.loads(shown(tmp_path, "serve", "--json").removeprefix("0 "))
    assert document["file"] == str(tmp_path / "recsys.toml")
    assert {row["table"] for row in document["settings"]} == {"serve"}


def test_a_table_that_there_is_not_is_named(tmp_path: Path) -> None:
    assert "1 bad_input: there is no table 'serv'; did you mean 'serve'?" in shown(tmp_path, "serv")
