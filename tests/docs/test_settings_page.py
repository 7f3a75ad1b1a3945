"""The page of settings says what the classes say, and no class is missing."""

import importlib
import pkgutil
from pathlib import Path

import api
import eval as evaluation
import recsys
import training
from recsys.config import SECTIONS as TABLES
from recsys.config import SettingsSection
from tests.docs.settings_page import SECTIONS, page

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "settings.md"


def test_the_page_is_that_of_this_build() -> None:
    assert PAGE.read_text() == page(), "python -m tests.docs.settings_page > docs/operations/settings.md"


def test_every_table_of_settings_is_on_the_page() -> None:
    for package in (api, evaluation, recsys, training):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith(("settings", "config", "notifications")):
                importlib.import_module(module.name)
    ours = {each for each in SettingsSection.__subclasses__() if each.__module__.split(".")[0] != "tests"}
    assert ours - set(SECTIONS) == set()
    assert set(TABLES) - {each.section for each in SECTIONS} == {"models", "placements", "sources"}


def test_every_setting_says_what_it_means() -> None:
    assert [line for line in page().splitlines() if line.startswith("| `") and line.endswith("|  |")] == []
