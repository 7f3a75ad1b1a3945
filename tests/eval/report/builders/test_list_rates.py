from datetime import UTC, datetime

from eval.report.builders.list_rates import build_page
from eval.report.html import render_page
from recsys.customers.kpis.list_rates import GroupRates, Rate, RatesReport

HOME = GroupRates("home <b>", 482, 2_402, 12_010, Rate(0.009, 0.007, 0.011), Rate(0.124, 0.118, 0.13),
                  Rate(0.037, 0.033, 0.04), Rate(0.81, 0.73, 0.9))  # fmt: skip
REPORT = RatesReport(0, 86_400_000, 24.0, HOME, {"placement": [HOME], "day": [HOME]})


def test_the_page_says_the_rates_with_their_intervals_and_what_they_do_not_prove() -> None:
    page = render_page(build_page(REPORT, datetime(2026, 11, 30, tzinfo=UTC)))
    assert "Of 1,000 shown items, 124 were clicked, 37 bought and 9.0 dismissed." in page
    assert "482 customers got 2,402 lists with 12,010 items." in page
    assert "0.81 (0.73–0.90)" in page
    assert "12\u00a0% (12–13)" in page
    assert "only an experiment says what a list brings" in page
    assert "home &lt;b&gt;" in page
    assert "home <b>" not in page


def test_every_group_has_its_figures_as_a_file() -> None:
    figures = build_page(REPORT, datetime(2026, 11, 30, tzinfo=UTC)).record.figures
    assert [row[:3] for row in figures.rows] == [("placement", "home <b>", 482), ("day", "home <b>", 482)]
    assert {len(row) for row in figures.rows} == {len(figures.columns)}
