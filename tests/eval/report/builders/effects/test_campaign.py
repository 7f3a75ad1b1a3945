"""The page of a campaign's result: its figures, its doubts, and how it looks in a browser."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from eval.report.builders.effects.campaign import build_page
from eval.report.charts import signed_axis
from eval.report.html import render_page
from eval.stats.bootstrap import Estimate
from recsys.campaigns.result.campaign_result import CampaignResult
from recsys.campaigns.result.estimates import SegmentEffect
from recsys.campaigns.result.outcomes import ComparisonWindow
from recsys.inference.welch import Effect
from tests.eval.report.browser import looks_well, needs_browser

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def effect(difference: float, half: float = 5.0) -> Effect:
    return Effect(difference, difference / 140, difference - half, difference + half, 0.01, 500, 400, "cuped")


def result(sample_ratio_p: float | None, effects: dict[str, Effect]) -> CampaignResult:
    return CampaignResult(
        campaign_id="c1",
        name="Spring <b>",
        goal="win back",
        window=ComparisonWindow(1_504_483_200_000, 1_509_321_600_000, 1_514_160_000_000),
        as_of_ms=1_514_779_280_001,
        n_treated=500,
        n_control=400,
        sample_ratio_p=sample_ratio_p,
        effects=effects,
        margin=effect(-2.0) if sample_ratio_p and effects else None,
        conversion=effect(0.05, 0.1) if effects else None,
        cost=100.0,
        segments=[SegmentEffect(f"stage_{n}", effect(3.0 * n)) for n in range(8)] if effects else [],
        n_segments_hidden=2,
        response={"sent": 500, "opened": None, "clicked": 0},
        left_out=["3 of the drawn were erased"],
    )


DRAWN = {"welch": effect(9.0, 12), "cuped": effect(8.0)}
UNDRAWN = {name: effect(20.0 * n) for n, name in enumerate(("naive", "gap_before", "difference_in_differences"), 1)} | {
    "cuped": effect(-3.0)
}


def page(sample_ratio_p: float | None, effects: dict[str, Effect]) -> str:
    return render_page(build_page(result(sample_ratio_p, effects), NOW))


def test_a_drawn_campaign_tells_its_margin_and_its_interval() -> None:
    shown = page(0.4, DRAWN)
    for words in (
        "The campaign earned 8.00",
        "of margin, less 100 for contacts",
        "Spring &lt;b&gt;",
        "below 20",
        "erased",
    ):
        assert words in shown
    assert "not proof" not in shown
    assert "Nothing was left out" not in shown, "three were"


def test_a_campaign_without_a_draw_says_four_times_what_it_is_not() -> None:
    shown = page(None, UNDRAWN)
    assert shown.count("no control group: not proof") >= 2
    for words in ("Naive", "Gap before", "Difference-in-differences", "CUPED", "+20.0"):
        assert words in shown


def test_a_mismatch_shows_no_effect() -> None:
    shown = page(1e-9, {})
    assert "not what was drawn" in shown
    assert 'id="chart-money"' not in shown


@pytest.mark.parametrize(("low", "high"), [(-7.0, 12.0), (3.0, 8.0), (-9.0, -2.0), (0.0, 0.0)])
def test_an_axis_with_both_signs_holds_zero_and_the_whiskers(low: float, high: float) -> None:
    axis = signed_axis([Estimate((low + high) / 2, low, high)])
    assert axis.start <= min(low, 0) <= max(high, 0) <= axis.end
    assert 0 <= axis.at(low) <= axis.at(high) <= 100
    assert {"0", "0.0"} & {tick.label for tick in axis.ticks(is_share=False)}


@needs_browser
@pytest.mark.slow
def test_the_page_looks_well_in_a_browser(tmp_path: Path) -> None:
    looks_well([page(0.4, DRAWN), page(None, UNDRAWN)], tmp_path, is_dark=False)
