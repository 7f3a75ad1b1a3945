"""Caveats and warnings of the report: said where the figures call for them, and nowhere else."""

from dataclasses import replace

from eval.report.caveats import caveats, warnings
from eval.report.ranking_report import Exclusion, ReportedGroup, ReportedList
from eval.report.text import answers
from eval.stats.bootstrap import Estimate
from tests.eval.report.small_reports import BEST, OURS, PLAIN, lead, report_with_lead, spaced


def test_a_simple_rule_that_does_as_well_is_told_once_as_an_answer() -> None:
    simple = ReportedList("own frequency", "What each takes most often", "baseline", Estimate(3.5))
    for gap, words in ((lead(0.0, -0.1, 0.1, "level"), "Cannot tell:"), (lead(0.2, 0.1, 0.3), "Yes:")):
        ours = replace(OURS, leads={**OURS.leads, "own frequency": gap})
        report = replace(PLAIN, lists=[BEST, simple, ours], best_baseline="own frequency")
        assert [answer.startswith(words) for _, question, answer in answers(report) if simple.title in question] == [
            True
        ]
        assert not any(simple.title in text for text in caveats(report))


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
