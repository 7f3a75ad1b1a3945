"""What `recsys evaluate` refuses before it reads or learns anything."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli.app import application

FILES = ("--train", "a.csv", "--test", "b.csv")

RESULTS = ("--json", "--lists", "--report")


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), ["evaluate", *words])


def flat(result: Result) -> str:
    return " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    "words",
    [
        ("--tune", "30"),
        ("--tune", "0"),
        ("--cut", "2017-12-05"),
        ("--windows", "2"),
        ("--days", "14"),
        ("--segment", "age"),
        ("--seen", "keep"),
        ("-k", "10"),
    ],
)
def test_what_is_of_lists_is_refused_where_ratings_are_judged(words: tuple[str, str]) -> None:
    result = run("--task", "rating", *FILES, *words)
    assert result.exit_code == 2
    assert f"{words[0]}: says nothing where predicted ratings are judged" in flat(result)


def test_all_that_is_refused_is_named_at_once() -> None:
    result = run("--task", "rating", *FILES, "-k", "5", "--tune", "3", "--seen", "hide")
    assert "--seen, --tune, -k: says nothing" in flat(result)


def test_the_length_of_the_weeks_is_refused_with_files() -> None:
    result = run(*FILES, "--days", "14")
    assert result.exit_code == 2
    assert "--days: works on the shop's own log" in flat(result)


def test_what_becomes_of_the_known_is_refused_without_files(tmp_path: Path) -> None:
    result = CliRunner().invoke(application(), ["--home", str(tmp_path), "evaluate", "--seen", "keep"])
    assert result.exit_code == 2
    assert "--seen: works on two files" in flat(result)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """Two files that a judging of lists can be made from, so that only what a test asks for may fail."""
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text("user,item\nann,a\nann,b\nben,a\n")
    return ("--train", str(tmp_path / "train.csv"), "--test", str(tmp_path / "test.csv"))


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("option", RESULTS)
@pytest.mark.parametrize("name", ["train.csv", "test.csv", "linked.csv", "twin.csv", "folder/../train.csv"])
def test_a_result_never_overwrites_a_file_that_is_read(
    option: str, name: str, files: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked.csv").symlink_to(tmp_path / "train.csv")
    os.link(tmp_path / "test.csv", tmp_path / "twin.csv")
    before = (tmp_path / name).read_text()
    result = run(*files, option, str(tmp_path / name))
    assert result.exit_code == 2
    assert "would overwrite --t" in flat(result)
    assert (tmp_path / name).read_text() == before


def test_two_results_never_go_to_one_place(files: tuple[str, ...], tmp_path: Path) -> None:
    path = str(tmp_path / "one.csv")
    result = run(*files, "--json", path, "--report", path)
    assert result.exit_code == 2
    assert "--report" in flat(result)
    assert "--json goes there already" in flat(result)
    assert names_in(tmp_path) == {"train.csv", "test.csv"}


def test_a_result_is_no_table_of_the_folder(files: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*files, "--csv", str(tmp_path), "--lists", str(tmp_path / "shelf.csv"))
    assert result.exit_code == 2
    assert "--lists goes there already" in flat(result)


@pytest.mark.parametrize("name", ["shop.db", "recsys.toml"])
def test_the_log_and_the_settings_are_no_place_for_results(name: str, tmp_path: Path) -> None:
    (tmp_path / "recsys.toml").write_text("")
    words = ("--home", str(tmp_path), "evaluate", "--json", str(tmp_path / name))
    result = CliRunner().invoke(application(), words)
    assert result.exit_code == 2
    assert "would overwrite the" in flat(result)


@pytest.mark.parametrize("option", RESULTS)
def test_a_place_nobody_can_write_to_is_told_before_anything_is_read(option: str, tmp_path: Path) -> None:
    result = run("--train", "none.csv", "--test", "none.csv", "--csv", str(tmp_path / "t"), option, "/proc/x.json")
    assert result.exit_code == 2
    assert f"{option}: /proc/x.json: cannot be written" in flat(result)
    assert names_in(tmp_path) == set()


def test_a_folder_nobody_can_make_is_told_before_anything_is_read() -> None:
    result = run("--train", "none.csv", "--test", "none.csv", "--csv", "/proc/tables/of/mine")
    assert result.exit_code == 2
    assert "--csv: /proc/tables/of/mine: cannot be written" in flat(result)


def test_the_look_at_a_place_leaves_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("old")
    (tmp_path / "to").symlink_to(tmp_path / "nothing.json")
    words = ("--train", "none.csv", "--test", "none.csv", "--csv", str(tmp_path / "tables"))
    results = ("--json", str(tmp_path / "old.json"), "--lists", str(tmp_path / "new.csv"), "--report")
    result = run(*words, *results, str(tmp_path / "to"))
    assert (result.exit_code, "no such file" in result.output.lower()) == (1, True)
    assert names_in(tmp_path) == {"old.json", "to"}
    assert (tmp_path / "old.json").read_text() == "old"


def test_two_releases_are_written_nowhere_twice(tmp_path: Path) -> None:
    path = str(tmp_path / "one")
    result = CliRunner().invoke(application(), ["compare", "a", "b", "--json", path, "--report", path])
    assert result.exit_code == 2
    assert "--json goes there already" in flat(result)
