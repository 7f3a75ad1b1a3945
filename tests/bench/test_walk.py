"""The walk of one question stays short: how many of our own names an engineer meets who follows it."""

import asyncio
import re
from pathlib import Path

from tests.bench.walk import ROOT, Part, longest_walk, names_of
from tests.homes import copy_home

MOST: dict[Part, int] = {"around": 28, "state": 17, "question": 39}  # may only fall
# Steps that a compiled kernel takes where there is one.
WITHOUT_KERNELS = {"nearest_liked", "QueryContext.mentionable", "NeighbourTable.nearest_of_each"}


def listed_names() -> set[str]:
    """The names of functions in the list of the architecture page."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    walk = page.partition("## The walk of one question")[2].partition("\n1. ")[2].partition("\n## ")[0]
    return set(re.findall(r"`([\w.]+)`", walk))


def test_a_question_meets_no_more_names_than_the_page_of_the_architecture_lists(
    trained_home: Path, tmp_path: Path
) -> None:
    steps = asyncio.run(longest_walk(copy_home(trained_home, tmp_path / "home")))
    met = {part: {*names_of(steps, part)} - WITHOUT_KERNELS for part in MOST}
    assert (met["state"] | met["question"]) - listed_names() == set()
    assert {part: len(met[part]) for part in MOST if len(met[part]) > MOST[part]} == {}
