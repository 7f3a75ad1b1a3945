"""The walk of one question stays short: how many of our own names an engineer meets who follows it."""

import asyncio
from pathlib import Path

from tests.bench.walk import Part, longest_walk, names_of
from tests.homes import copy_home

MOST: dict[Part, int] = {"around": 28, "state": 15, "question": 46}  # may only fall


def test_a_question_meets_no_more_names_than_before(trained_home: Path, tmp_path: Path) -> None:
    steps = asyncio.run(longest_walk(copy_home(trained_home, tmp_path / "home")))
    assert {part: n for part in MOST if (n := len(names_of(steps, part))) > MOST[part]} == {}
