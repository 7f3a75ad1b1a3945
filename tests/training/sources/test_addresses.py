"""Named sources: address and options stand in the settings or the environment, so that cron lines hold no password."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "import", *words])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a named source, and one line in its folder."""
    inbox, home = tmp_path / "inbox", tmp_path / "home"
    inbox.mkdir()
    home.mkdir()
    (inbox / "a.csv").write_text("customer;sku;at\nu;i;2023-01-01\n")
    os.utime(inbox / "a.csv", (1, 1))
    (home / "recsys.toml").write_text(
        f'[sources.orders]\nimport = "events"\nurl = "folder:{inbox}"\nkind = "cart"\ndelimiter = ";"\n'
        '[sources.orders.map]\nuser_id = "customer"\nitem_id = "sku"\n'
    )
    return home


def test_a_named_source_needs_no_other_option(home: Path) -> None:
    result = run(home, "--from", "orders", "--json")
    assert result.exit_code == 0, result.output
    assert [file["accepted"] for file in json.loads(result.stdout)["files"]] == [1]
    (event,) = open_store(home, None).user_events("u")
    assert event.kind == 3


def test_options_of_the_command_line_win(home: Path) -> None:
    assert run(home, "events", "--from", "orders", "--kind", "view").exit_code == 0
    (event,) = open_store(home, None).user_events("u")
    assert event.kind == 1


def test_the_environment_holds_the_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_SOURCES_ORDERS_URL", "postgresql://reader:s3cret-word@127.0.0.1:1/shop")
    result = run(home, "--from", "orders", "--query", "SELECT 1")
    assert (result.exit_code, "does not answer" in result.stderr) == (1, True), result.output
    assert "s3cret" not in result.output


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--from", "order"), "did you mean 'orders'"),
        (("--from", "folder:/inbox"), "name the table"),
        (("items", "--from", "orders"), "say recsys import events"),
        (("events", "a.csv", "--from", "orders"), "files or a source"),
        (("events", "a.csv", "--every", "3"), "say --from"),
    ],
)
def test_a_source_that_cannot_be_used_is_named(home: Path, words: tuple[str, ...], error: str) -> None:
    result = run(home, *words)
    assert (result.exit_code, error in " ".join(result.stderr.split())) == (1, True), result.stderr


def test_a_misspelt_key_of_a_source_is_named(home: Path) -> None:
    with (home / "recsys.toml").open("a") as file:
        file.write('[sources.other]\nimport = "users"\nurl = "folder:/tmp"\nqueri = "x"\n')
    result = run(home, "--from", "other")
    assert (result.exit_code, "queri" in result.stderr, "query" in result.stderr) == (1, True, True), result.stderr


def test_without_files_and_without_a_source_the_usage_is_wrong(home: Path) -> None:
    assert run(home, "events").exit_code == 2
