"""Today page: comes at once, and brings what takes long afterwards."""

import pytest

from tests.api.console.conftest import Browser


def test_the_page_does_not_wait_for_the_figures_of_the_week(console: Browser) -> None:
    text = console.get("/console/today").text
    assert 'hx-get="/console/today/week"' in text
    assert "What moved in 28 days" in text
    assert ">Champions at risk</a>" in text


@pytest.mark.slow
def test_the_week_shows_charts_with_their_tables(console: Browser) -> None:
    text = console.get("/console/today/week").text
    assert text.count("data-chart=") == 3
    assert text.count("<summary>Table</summary>") == 3
