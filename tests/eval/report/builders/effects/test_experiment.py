"""The page of an experiment's reading: its verdict, its figures, its doubts, and how it looks in a browser."""

from dataclasses import replace
from datetime import UTC, datetime
from math import nan
from pathlib import Path

import pytest

from eval.report.builders.effects.experiment import build_page
from eval.report.html import render_page
from recsys.experiments.definition import ExperimentPlan, Variant
from recsys.experiments.state import Experiment
from recsys.experiments.verdict import ExperimentResult, Look, Preference
from recsys.experiments.watch import WatchedMark
from recsys.inference.welch import Effect
from tests.eval.report.browser import looks_well, needs_browser

NOW = datetime(2026, 11, 30, tzinfo=UTC)
PLAN = ExperimentPlan(id="more-new", goal="sell <more>", b=Variant(placements={"home": {"mix": "in-order"}}))
EXPERIMENT = Experiment(plan=PLAN, salt="s", began_at_ms=1_767_240_000_000)


def effect(difference: float, half: float = 1.0) -> Effect:
    return Effect(difference, difference / 40, difference - half, difference + half, 0.01, 5_012, 4_988, "cuped")


UNKNOWN = Effect(nan, nan, nan, nan, nan, 5_012, 4_988, "cost unknown")
RESULT = ExperimentResult(
    as_of_ms=1_767_758_400_000,
    n_a=4_988,
    n_b=5_012,
    n_left_out=3,
    sample_ratio_p=0.81,
    effects={"money": effect(2.0), "margin": UNKNOWN, "dismissals": effect(1.5), "clicks": effect(0.2)},
    looks=(Look(1, 1_767_758_400_000, effect(2.0), 4.9, 4.33),),
    preference=None,
    decision="b",
    verdict="stop: B is better by 2.5-7.5 % in money for each customer",
)
LATE = WatchedMark("late", "a list took longer than 50 ms", 800, 810, 0.01, 0.02, 0.05)


def page(result: ExperimentResult, *watched: WatchedMark) -> str:
    return render_page(build_page(EXPERIMENT, result, watched, NOW))


def test_the_page_says_what_to_do_and_what_decides() -> None:
    shown = page(RESULT, LATE)
    for words in ("B is better by 2.5-7.5", "Money (decides)", "A is the shop as it stands", "sell &lt;more&gt;"):
        assert words in shown, words
    assert "a list took longer than 50 ms" in shown
    assert "<script src" not in shown
    assert "3 customers: they saw both arms, as after a merge" in shown
    assert "Nothing was left out" in page(replace(RESULT, n_left_out=0))


def test_more_dismissals_are_worse_and_an_unknown_margin_is_not_shown() -> None:
    answers = {title: verdict for verdict, title, _ in build_page(EXPERIMENT, RESULT, [], NOW).answers}
    assert answers["Dismissals."] == "worse"
    assert answers["Money (decides)."] == "better"
    assert answers["Clicks."] == "level"
    assert "Margin." not in answers


def test_too_few_customers_are_said_so_and_preferences_are_counted() -> None:
    few = replace(RESULT, effects={}, looks=(), verdict="go on: not enough yet")
    assert "fewer than 20 customers" in page(few)
    mixed = replace(few, sample_ratio_p=None, preference=Preference(30, 10, 5, 0.75, 0.6, 0.85, 0.002))
    assert "30 prefer B, 10 A, 5 neither" in page(mixed)
    nothing = replace(UNKNOWN, difference=0.0, low=0.0, high=0.0)
    assert "None in either arm yet." in page(replace(RESULT, effects={"clicks": nothing}))


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("is_dark", [False, True])
def test_the_page_looks_well_in_a_browser(tmp_path: Path, is_dark: bool) -> None:
    looks_well([page(RESULT, LATE)], tmp_path, is_dark=is_dark, pictures=3)
