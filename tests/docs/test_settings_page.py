"""The page of settings says what the classes say, and no table is missing."""

from pathlib import Path

from recsys.cli.settings.describe import COUNTS, FREE_TABLES, settings_sections
from recsys.config import SECTIONS
from tests.docs.settings_page import page

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "settings.md"


def test_the_page_is_that_of_this_build() -> None:
    assert PAGE.read_text() == page(), "python -m tests.docs.settings_page > docs/operations/settings.md"


def test_every_table_of_settings_is_on_the_page_and_says_when_a_change_counts() -> None:
    known = {each.section for each in settings_sections()}
    assert known | set(FREE_TABLES) == {"", *SECTIONS} == set(COUNTS)


def test_every_setting_says_what_it_means() -> None:
    assert [line for line in page().splitlines() if line.startswith("| `") and line.endswith("|  |")] == []
