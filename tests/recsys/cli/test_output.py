"""Output of commands in a pipe: whole ids between tabs, whatever the width of a terminal would be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from recsys.cli.app import application
from recsys.cli.output import print_table
from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.data.store.open import open_store
from recsys.testing import NOW, small_events, small_items
from recsys.time_units import DAY_MS
from tests.homes import publish_live

LONG = "sku-" + "0123456789" * 12
RECSYS = [sys.executable, "-c", "from recsys.cli.app import main; main()"]
WIDTHS = ("COLUMNS", "LINES", "TERM", "FORCE_COLOR")


def piped(*words: str) -> str:
    """What the command writes where no terminal is, in an environment that names no width."""
    result = CliRunner().invoke(application(), words, env=dict.fromkeys(WIDTHS))
    assert result.exit_code == 0, result.output
    return result.stdout


def piped_by_a_process(*words: str) -> str:
    """The same into a real pipe."""
    env = {name: value for name, value in os.environ.items() if name not in WIDTHS}
    result = subprocess.run([*RECSYS, *words], capture_output=True, text=True, env=env, check=True)
    return result.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop with an item whose id is longer than a terminal is wide."""
    folder = tmp_path_factory.mktemp("home")
    store = open_store(folder, None)
    bought = [
        Event(f"long-{n}", f"user-{n:03}", LONG, Kind.PURCHASE, int((NOW - 2) * DAY_MS), 1.0, 5.0) for n in range(40)
    ]
    store.append([*small_events(), *bought])
    store.put_items([*small_items(), Item(LONG, name="Long name " * 10)])
    publish_live(store, folder)
    store.close()
    return folder


@pytest.mark.parametrize("words", ["recommend user-003 -k 25", f"audience {LONG}", "similar item-003 -k 25"])
def test_an_id_is_whole_in_a_pipe(words: str, home: Path) -> None:
    lines = piped("--home", str(home), *words.split()).splitlines()
    cells = [line.split("\t") for line in lines[:-1]]
    assert LONG in {cell for row in cells for cell in row}
    assert {len(row) for row in cells} == {len(cells[0])}


def test_releases_stand_whole_in_a_pipe_and_can_be_cut_by_tabs(home: Path) -> None:
    header, release = (line.split("\t") for line in piped_by_a_process("--home", str(home), "releases").splitlines())
    assert header == ["release", "live", "made", "MiB", "state"]
    assert (release[0], release[1], release[4]) == ((home / "bundles" / "LIVE").read_text().strip(), "live", "whole")


def test_a_cell_breaks_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "b"), [("one\ttwo\nthree", "[red]x[/]")])
    assert capsys.readouterr().out == "a\tb\none two three\t[red]x[/]\n"


def test_a_terminal_breaks_an_id_in_two_rather_than_cut_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.cli.output.is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("item", "name"), [(LONG, "[red]x[/]")])
    shown = capsys.readouterr().out
    assert LONG in "".join(line.split()[0] for line in shown.splitlines() if line.strip())
    assert "[red]x[/]" in shown
