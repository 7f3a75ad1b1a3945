"""Sentences of the report: what a person would say, and true."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.report.ranking_report import PairedDifference, ReportedGroup, ReportedList
from eval.report.text import answers, coverage, family_outcome, headline, hit_rate, repeat_and_new, scale_of, verdict
from eval.stats.bootstrap import Estimate
from tests.eval.report.small_reports import BEST, OURS, PLAIN, lead, report_with, report_with_lead, spaced


def test_the_headline_says_what_was_bought_of_a_list_and_of_the_best_sellers() -> None:
    said = "Of 10 products on the personal list, 3.5 were bought in the next four weeks; of 10 best-sellers 1.4."
    assert headline(PLAIN) == said


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (lead(2.1, 2.0, 2.2), "The personal list is better: it finds 2.1 more per list of 10 than the best-sellers."),
        (lead(-2.1, -2.4, -1.8, "worse"), "The best-sellers win: the personal list finds 2.1 fewer per list of 10."),
        (
            lead(0.1, -0.3, 0.5, "level"),
            "Nobody can tell which is better, the personal list or the best-sellers: the difference of +0.1 per list "
            "of 10 may be luck.",
        ),
        (
            PairedDifference(Estimate(0.1, 0.0, 0.2), "too few", 18),
            "Too few customers to tell whether the personal list is better than the best-sellers.",
        ),
    ],
)
def test_the_page_opens_with_one_verdict_in_items_of_a_list(gap: PairedDifference, said: str) -> None:
    assert verdict(report_with_lead(gap)) == said


@pytest.mark.parametrize(
    ("ours", "rival", "said"),
    [(0.83, 0.67, ", 67: 16 customers more."), (0.51, 0.52, ", 52: 1 customer fewer."), (0.5, 0.5, ", 50.")],
)
def test_customers_with_at_least_one_are_told_as_people_and_as_a_difference(
    ours: float, rival: float, said: str
) -> None:
    lists = [replace(BEST, hit_rate=Estimate(rival)), replace(OURS, hit_rate=Estimate(ours))]
    assert hit_rate(replace(PLAIN, lists=lists)).endswith(said)


def test_groups_are_counted_by_the_list_that_is_better_for_them() -> None:
    gaps = (lead(1, 0.5, 1.5), lead(1, 0.5, 1.5), lead(-1, -1.5, -0.5, "worse"), lead(0, -1, 1, "level"))
    groups = [ReportedGroup("Age", f"{at}", Estimate(1.0), Estimate(2.0), gap) for at, gap in enumerate(gaps)]
    assert family_outcome(groups, PLAIN.wording) == "personal list better for 2 of 4 groups, best-sellers for 1"
    assert family_outcome(groups[:2], PLAIN.wording) == "personal list better for 2 of 2 groups"


def test_where_a_list_holds_less_than_one_hit_the_headline_speaks_of_more_lists() -> None:
    assert headline(report_with(0.077, 0.009)).startswith("Of 1,000 products on personal lists, 7.7 were bought")


def test_two_different_figures_are_never_shown_as_the_same() -> None:
    assert "3.52 were bought in the next four weeks; of 10 best-sellers 3.48." in headline(report_with(3.52, 3.48))


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (lead(2.1, 2.0, 2.2), "Yes: 2.1 more per list of 10, and very likely between 2.0 and 2.2 had"),
        (lead(-2.1, -2.4, -1.8, "worse"), "No: 2.1 fewer per list of 10, and very likely between 1.8 and 2.4 had"),
        (
            lead(0.1, -0.3, 0.5, "level"),
            "Cannot tell: the difference is +0.1 per list of 10, and anything between −0.3 and +0.5 was",
        ),
        (
            PairedDifference(Estimate(0.1, 0.0, 0.2), "too few", 18),
            "Cannot tell: 18 customers are too few to judge by.",
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
    assert [spaced(sentences).partition("show ")[2] for sentences in coverage(PLAIN)] == [
        "400 of the 1,000 products in the range (40 %); nobody sees the other 600. The best-sellers show 10. Places "
        "are shared fairly evenly: half of them go to 120 products."
    ]


@given(st.integers(1, 100), st.floats(1e-9, 1.0))
def test_a_scale_is_no_shorter_than_a_list_and_changes_no_ratio(k: int, share: float) -> None:
    scale = scale_of(report_with(share * k, share * k / 2, k))
    assert scale.base >= k
    assert math.isclose(scale.scaled(share * k) / scale.scaled(share * k / 2), 2.0)
