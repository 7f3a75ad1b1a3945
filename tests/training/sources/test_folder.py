"""A watched folder as a source: each finished file comes in once, whatever it is called later."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application
from recsys.data.store.open import open_store
from training.sources.folder import FolderSource
from training.sources.state import SourceState

OLD = (1_700_000_000, 1_700_000_000)


def put(folder: Path, name: str, *users: str, is_finished: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("user_id,item_id,at\n" + "".join(f"{user},i,2023-01-01T00:00:00Z\n" for user in users))
    if is_finished:
        os.utime(file, OLD)
    return file


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["--home", str(home), "import", "events", "--kind", "view", *words])


def new_names(source: FolderSource, home: Path, spool: Path) -> list[str]:
    """The new files, all of which are then done."""
    state = SourceState(home / "state.jsonl", open_store(home, None).lineage)
    names = []
    for part in source.new_parts(state, spool):
        names.append(part.path.name)
        part.done()
    return names


def test_a_file_comes_in_once_also_under_another_name(tmp_path: Path) -> None:
    inbox, home = tmp_path / "inbox", tmp_path / "home"
    put(inbox, "a.csv", "u", "v")
    words = ("--from", f"folder:{inbox}", "--json")
    assert [file["accepted"] for file in json.loads(run(home, *words).stdout)["files"]] == [2]
    (inbox / "a.csv").rename(inbox / "b.csv")
    put(inbox, "c.csv", "w")
    files = json.loads(run(home, *words).stdout)["files"]
    assert [(Path(file["file"]).name, file["accepted"]) for file in files] == [("c.csv", 1)]
    nothing = run(home, *words)
    assert json.loads(nothing.stdout)["files"] == []
    assert nothing.stderr == "nothing new\n"


def test_a_file_that_grows_waits_for_its_end(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    growing, still = put(inbox, "a.csv", "u", is_finished=False), put(inbox, "b.csv", "v", is_finished=False)
    put(inbox, ".c.csv", "w")
    put(inbox, "d.csv.part", "w")

    def write_more(_seconds: float) -> None:
        growing.write_text(growing.read_text() + "more\n")

    grow = FolderSource(inbox, settle_s=600, sleep=write_more)
    assert new_names(grow, tmp_path, tmp_path) == [still.name]
    assert new_names(FolderSource(inbox, settle_s=600, sleep=lambda _: None), tmp_path, tmp_path) == [growing.name]


def test_done_files_move_only_if_that_is_wanted(tmp_path: Path) -> None:
    inbox, home = tmp_path / "inbox", tmp_path / "home"
    put(inbox, "a.csv", "u")
    run(home, "--from", str(inbox))
    assert (inbox / "a.csv").exists()
    run(home, "--from", str(inbox), "--move-done")  # one that was done before moves too
    put(inbox, "a.csv", "v")
    assert run(home, "--from", str(inbox), "--move-done").exit_code == 0
    assert len(list((inbox / "done").iterdir())) == 2
    assert open_store(home, None).head() == 2


def test_a_file_that_cannot_be_read_keeps_no_other_out(tmp_path: Path) -> None:
    inbox, home = tmp_path / "inbox", tmp_path / "home"
    put(inbox, "b.csv", "u")
    (inbox / "a.csv").write_text("colour\nred\n")
    (inbox / "a.zip").write_text("no archive")
    result = run(home, "--from", str(inbox), "--settle", "0")
    assert (result.exit_code, open_store(home, None).head()) == (1, 1)
    assert "a.csv" in result.stderr
    assert "a.zip" in result.stderr
    put(inbox, "a.csv", "w")
    (inbox / "a.zip").unlink()
    assert run(home, "--from", str(inbox), "--settle", "0").exit_code == 0
    assert open_store(home, None).head() == 2


def test_a_watched_folder_is_a_run_only_where_something_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, home = tmp_path / "inbox", tmp_path / "home"
    inbox.mkdir()
    rounds = iter([("a.csv",), (), ("b.csv",)])

    def sleep(_seconds: float) -> None:
        for name in next(rounds):  # after the last one, StopIteration ends the command
            put(inbox, name, name)

    monkeypatch.setattr("training.sources.rounds.time.sleep", sleep)
    run(home, "--from", str(inbox), "--every", "60")
    runs = CliRunner().invoke(application(), ["--home", str(home), "runs", "--json"])
    assert [run["result"]["accepted"] for run in json.loads(runs.stdout)] == [1, 1]


def test_no_such_folder_is_an_error(tmp_path: Path) -> None:
    result = run(tmp_path, "--from", "folder:/nowhere/inbox")
    assert (result.exit_code, "/nowhere/inbox" in result.stderr) == (1, True)
