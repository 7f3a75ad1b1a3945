"""Figures become sentences that a person would say, and that are true."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.report.caveats import caveats, warnings
from eval.report.charts import axis_of, group_charts, hits_chart
from eval.report.formatting import base_of, distinct_digits, percent, plain, signed, span_of_days
from eval.report.ranking_report import (
    Coverage,
    Exclusion,
    PairedDifference,
    RankingReport,
    ReportedGroup,
    ReportedList,
    ReportTable,
    Wording,
)
from eval.report.text import answers, coverage, headline, repeat_and_new, scale_of
from eval.stats.intervals import Estimate
from eval.stats.paired import ComparisonVerdict


def lead(mean: float, low: float, high: float, verdict: ComparisonVerdict = "better") -> PairedDifference:
    return PairedDifference(Estimate(mean, low, high), verdict, 500)


BEST = ReportedList(
    "best-sellers", "Best-sellers", "baseline", Estimate(1.4, 1.3, 1.5), coverage=Coverage(10, 1_000, 5)
)
OURS = ReportedList(
    "auto",
    "Personal list (auto)",
    "ours",
    Estimate(3.5, 3.4, 3.6),
    coverage=Coverage(400, 1_000, 120),
    leads={"best-sellers": lead(2.1, 2.0, 2.2)},
)
PLAIN = RankingReport(
    title="Which list is better?",
    wording=Wording(),
    k=10,
    lists=[BEST, OURS],
    ours="auto",
    rival="best-sellers",
    best_baseline="best-sellers",
    n_customers=500,
    groups=[],
    n_groups_hidden=0,
    facts={},
    exclusions=[],
    warnings=[],
    tables=[],
    figures=ReportTable("Figures", ("list",), []),
    settings={},
    data={},
    run_id="0123456789ab",
    made_at="2026-01-02 03:04",
)


def report_with(ours: float, rival: float, k: int = 10) -> RankingReport:
    return replace(PLAIN, k=k, lists=[replace(BEST, hits=Estimate(rival)), replace(OURS, hits=Estimate(ours))])


def spaced(text: str) -> str:
    """With every space as the plain one."""
    return text.replace("\u00a0", " ")


def report_with_lead(lead: PairedDifference) -> RankingReport:
    return replace(PLAIN, lists=[BEST, replace(OURS, leads={"best-sellers": lead})])


def test_the_headline_says_what_was_bought_of_a_list_and_of_the_best_sellers() -> None:
    said = "Of 10 products on the personal list, 3.5 were bought in the next four weeks; of 10 best-sellers 1.4."
    assert headline(PLAIN) == said


def test_where_a_list_holds_less_than_one_hit_the_headline_speaks_of_more_lists() -> None:
    assert headline(report_with(0.077, 0.009)).startswith("Of 1,000 products on personal lists, 7.7 were bought")


def test_two_different_figures_are_never_shown_as_the_same() -> None:
    assert "3.52 were bought in the next four weeks; of 10 best-sellers 3.48." in headline(report_with(3.52, 3.48))


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (lead(2.1, 2.0, 2.2), "Yes: 2.1 more per list, and very likely between 2.0 and 2.2 had"),
        (lead(-2.1, -2.4, -1.8, "worse"), "No: 2.1 fewer per list, and very likely between 1.8 and 2.4 had"),
        (
            lead(0.1, -0.3, 0.5, "level"),
            "Cannot tell: the difference is +0.1 per list, and anything between −0.3 and +0.5 was",
        ),
        (
            PairedDifference(Estimate(0.1, 0.0, 0.2), "too few", 18),
            "Cannot tell: 18 customers are too few to judge by.",
        ),
        (
            PairedDifference(Estimate(0.12, 0.10, 0.14), "better", 500, "share"),
            "Yes: 12.0 % more found where what stood near the top",
        ),
    ],
)
def test_the_verdict_is_said_with_its_doubt(gap: PairedDifference, said: str) -> None:
    ((verdict, question, answer),) = answers(report_with_lead(gap))
    assert (verdict, question) == (gap.verdict, "Better than the best-sellers?")
    assert spaced(answer).startswith(said)


def test_the_strongest_simple_rule_is_asked_about_as_well() -> None:
    simple = ReportedList("own frequency", "What each takes most often", "baseline", Estimate(3.3))
    ours = replace(OURS, leads={**OURS.leads, "own frequency": lead(0.2, 0.1, 0.3)})
    report = replace(PLAIN, lists=[BEST, simple, ours], best_baseline="own frequency")
    assert [question for _, question, _ in answers(report)][1] == (
        "Better than the best simple rule, “What each takes most often”?"
    )


def test_a_simple_rule_that_does_as_well_is_a_doubt() -> None:
    simple = ReportedList("own frequency", "What each takes most often", "baseline", Estimate(3.5))
    for gap, is_doubt in ((lead(0.0, -0.1, 0.1, "level"), True), (lead(0.2, 0.1, 0.3), False)):
        ours = replace(OURS, leads={**OURS.leads, "own frequency": gap})
        report = replace(PLAIN, lists=[BEST, simple, ours], best_baseline="own frequency")
        assert any("“What each takes most often”" in text for text in caveats(report)) == is_doubt


def test_known_and_new_things_are_told_apart_each_on_its_own_scale() -> None:
    best, ours = (
        replace(BEST, repeat_hits=Estimate(1.2), new_hits=Estimate(0.15)),
        replace(OURS, repeat_hits=Estimate(3.4), new_hits=Estimate(0.04)),
    )
    report = replace(PLAIN, lists=[best, ours], repeat_share=0.43)
    assert repeat_and_new(report) == [
        "Of 100 different products that a customer bought, 43 were known to them and 57 were new. A list can be good "
        "at one and poor at the other.",
        "Of 10 products shown, the personal list finds 3.4 known ones, the best-sellers 1.2.",
        "Of 100 products shown, the personal list finds 0.4 new ones, the best-sellers 1.5.",
    ]


def test_the_shelf_is_told_as_products_that_anybody_sees() -> None:
    first, second = coverage(PLAIN)
    assert spaced(first).endswith(
        "400 of the 1,000 products in the range (40 %); nobody sees the other 600. The best-sellers show 10."
    )
    assert second == "Places are shared fairly evenly: half of them go to 120 products."


def test_customers_for_whom_the_list_is_worse_are_named_among_the_doubts() -> None:
    group = ReportedGroup("By age", "Over 65", Estimate(1.0), Estimate(2.0), lead(-1.0, -1.2, -0.8, "worse"))
    assert any("“Over 65”" in text for text in caveats(replace(PLAIN, groups=[group])))
    better = replace(group, lead=lead(1.0, 0.8, 1.2))
    assert not any("“Over 65”" in text for text in caveats(replace(PLAIN, groups=[better])))


def test_the_number_of_customers_that_would_tell_grows_with_the_square_of_the_doubt() -> None:
    assert any(
        "takes about 4,500 of them; 500 were asked" in text
        for text in caveats(report_with_lead(lead(0.1, -0.2, 0.4, "level")))
    )
    assert any("takes about 2,000 of them" in text for text in caveats(report_with_lead(lead(0.1, -0.1, 0.3, "level"))))


def test_a_lead_that_rests_on_a_few_customers_is_said_to() -> None:
    rests = replace(PLAIN, without_keenest=lead(0.1, -0.1, 0.3, "level"))
    stands = replace(PLAIN, without_keenest=lead(1.9, 1.8, 2.0))
    assert any(text.startswith("A few keen customers would:") for text in caveats(rests))
    assert any(text.startswith("A few keen customers would not:") for text in caveats(stands))


def test_one_span_of_time_is_a_doubt_and_several_are_counted() -> None:
    assert any("only one span of time" in text for text in caveats(PLAIN))
    windows = {"2017-10-10": lead(1, 0.5, 1.5), "2017-11-07": lead(0, -1, 1, "level"), "2017-12-05": lead(1, 0.5, 1.5)}
    assert any("in 2 of 3 spans" in text for text in caveats(replace(PLAIN, lead_by_window=windows)))


def test_rows_left_out_are_a_doubt_where_they_are_many_and_could_have_told_something() -> None:
    many, few = Exclusion("rows", "no item", 60, 1_000), Exclusion("rows", "no item", 40, 1_000)
    assert any("6.0 % of rows (no item)" in spaced(text) for text in caveats(replace(PLAIN, exclusions=[many])))
    harmless = [few, replace(many, is_by_rule=True)]
    assert not any("no item" in text for text in caveats(replace(PLAIN, exclusions=harmless)))


def test_few_customers_and_models_that_teach_nothing_are_warned_of() -> None:
    weak = ReportedList("als", "als", "model", Estimate(1.4), leads={"best-sellers": lead(0.0, -0.1, 0.1, "level")})
    report = replace(PLAIN, n_customers=40, lists=[BEST, OURS, weak])
    assert warnings(report) == [
        "Only 40 customers could be judged: all figures here are rough.",
        "“als” is no better than the best-sellers here.",
    ]


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


@given(st.integers(1, 100), st.floats(1e-9, 1.0))
def test_a_scale_is_no_shorter_than_a_list_and_changes_no_ratio(k: int, share: float) -> None:
    scale = scale_of(report_with(share * k, share * k / 2, k))
    assert scale.base >= k
    assert math.isclose(scale.of(share * k) / scale.of(share * k / 2), 2.0)


def test_a_mean_without_an_interval_has_no_whisker() -> None:
    mark = axis_of([Estimate(2.0)]).mark("bar", "ours", Estimate(2.0))
    assert mark.low > mark.high


def test_numbers_read_as_a_person_writes_them() -> None:
    assert [plain(x) for x in (3.52, 1204.4, -0.04, math.nan)] == ["3.5", "1,204", "0.0", "–"]
    assert [signed(x) for x in (2.1, -0.3, 0.01)] == ["+2.1", "−0.3", "0.0"]
    assert [spaced(percent(x)) for x in (0.124, 0.012, 0.00031, 0.00001, 0, 1)] == [
        "12 %",
        "1.2 %",
        "0.031 %",
        "under 0.01 %",
        "0 %",
        "100 %",
    ]
    assert [span_of_days(x) for x in (28, 7, 30, 1)] == [
        "in the next four weeks",
        "in the next week",
        "in the next 30 days",
        "on the next day",
    ]
    assert (base_of(10, 3.5), base_of(10, 0.2), base_of(20, 0.01), base_of(10, 0.0)) == (10, 100, 10_000, 10_000)
    assert (distinct_digits([3.5, 1.4]), distinct_digits([3.52, 3.54]), distinct_digits([1.0, 1.0])) == (1, 2, 1)
