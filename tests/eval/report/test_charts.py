"""Charts of the report: every list and group, with marks that stay on the axis."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from eval.report.charts import axis_of, group_charts, hits_chart
from eval.report.ranking_report import PairedDifference, ReportedGroup
from eval.stats.bootstrap import Estimate
from tests.eval.report.small_reports import PLAIN


def test_a_chart_holds_every_list_the_best_on_top() -> None:
    chart = hits_chart(PLAIN)
    assert [row.title for row in chart.rows] == ["Personal list (auto)", "Best-sellers"]
    assert chart.summary == "Personal list (auto): 3.5 (3.4 to 3.6); Best-sellers: 1.4 (1.3 to 1.5)"


def test_groups_stand_in_charts_of_their_family_with_small_ones_marked() -> None:
    small = ReportedGroup(
        "By age", "Over 65", Estimate(1.0), Estimate(2.0), PairedDifference(Estimate(-1, -2, 0.1), "level", 60)
    )
    chart, other = group_charts(replace(PLAIN, groups=[small, replace(small, family="By place")]))
    assert (chart.title, other.title) == ("By age", "By place")
    assert chart.rows[0].note == "60 customers, a small group: cannot tell"


@given(st.floats(1e-6, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_whiskers_and_bars_never_leave_the_axis(highest: float, low: float, mean: float) -> None:
    estimate = Estimate(highest * low + (highest - highest * low) * mean, highest * low, highest)
    mark = axis_of([estimate]).mark("bar", "ours", estimate)
    assert 0 <= mark.low <= mark.at <= mark.high <= 100
    assert mark.high >= 50


def test_a_mean_without_an_interval_has_no_whisker() -> None:
    mark = axis_of([Estimate(2.0)]).mark("bar", "ours", Estimate(2.0))
    assert mark.low > mark.high
