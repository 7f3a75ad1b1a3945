"""The page of alerts says of every alert what it means and what to do."""

import re
from pathlib import Path

from tests.docs.alerts_page import ALERTS, page

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "alerts.md"


def test_the_page_is_that_of_this_build() -> None:
    assert PAGE.read_text() == page(), "python -m tests.docs.alerts_page > docs/operations/alerts.md"


def test_every_alert_has_its_place_with_what_to_do() -> None:
    names = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    assert [*parts] == names
    assert [name for name, text in parts.items() if not re.search(r"What to do: \S.{15,}", text)] == []
