"""What `recsys evaluate` refuses before it reads or learns anything."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from recsys.cli import application

FILES = ("--train", "a.csv", "--test", "b.csv")


def run(*words: str) -> Result:
    return CliRunner().invoke(application(), ["evaluate", *words])


def flat(told: Result) -> str:
    return " ".join(told.output.replace("│", " ").split())


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
    told = run("--task", "rating", *FILES, *words)
    assert told.exit_code == 2
    assert f"{words[0]}: says nothing where predicted ratings are judged" in flat(told)


def test_all_that_is_refused_is_named_at_once() -> None:
    told = run("--task", "rating", *FILES, "-k", "5", "--tune", "3", "--seen", "hide")
    assert "--seen, --tune, -k: says nothing" in flat(told)


def test_the_length_of_the_weeks_is_refused_with_files() -> None:
    told = run(*FILES, "--days", "14")
    assert told.exit_code == 2
    assert "--days: works on the shop's own log" in flat(told)


def test_what_becomes_of_the_known_is_refused_without_files(tmp_path: Path) -> None:
    told = CliRunner().invoke(application(), ["--home", str(tmp_path), "evaluate", "--seen", "keep"])
    assert told.exit_code == 2
    assert "--seen: works on two files" in flat(told)
