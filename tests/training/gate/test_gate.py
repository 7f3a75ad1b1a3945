"""The gate refuses every planted bad release of a small shop, and no good one."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from recsys.bundle import Bundle
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import EVENT_SCHEMA, Event
from recsys.gate.verdict import GateVerdict
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import Recipe, read_recipe
from recsys.progress import StepLog
from recsys.ranking.recommender import build_recommender
from recsys.testing import NOW, small_events, small_items
from recsys.time_units import DAY_MS
from tests.eval.report.browser import looks_well, needs_browser
from tests.training.gate.planted import DAMAGES, FAULTS, daily_events, popularity_alone, rewritten, same
from training.gate.comparison import GateInput
from training.gate.gate import Judgement, judge_release
from training.gate.settings import GateSettings

LIVE, NEW = "20171129T000000Z-aaaa", "20171130T000000Z-bbbb"
REASONS = {
    "shuffled ids": {"answers"},
    "shuffled histories": {"files, home", "files, discover"},
    "shuffled vectors": {"files, discover"},
    "shuffled customers": {"files, home", "files, discover"},
    "popularity alone": {"champion", "best-sellers", "groups"},
    "NaN": {"answers"},
    "swapped axes": {"answers"},
    "half the items": {"drift of items"},
    "old data": {"stale"},
    "half the events": {"drift of events"},
    "prices in cents": {"prices", "prices paid"},
    "a robot": {"drift of events", "one customer", "one item"},
}


def snapshot_of(events: list[Event], n_items: int = 24) -> Snapshot:
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    return Snapshot(read_events([frame]), small_items(n_items), log_seq=len(events), item_revision=24, log_id="log")


@pytest.fixture(scope="module")
def shop(shop_events: list[Event]) -> Snapshot:
    """The log and the catalogue of the small shop."""
    return snapshot_of(shop_events)


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return read_recipe(None, validation_days=28, seed=0, optional_seconds=0)


@pytest.fixture(scope="module")
def live(shop: Snapshot, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The live release of the shop."""
    return build_bundle(shop, tmp_path_factory.mktemp("live") / LIVE, recipe, StepLog(), version=LIVE)


@pytest.fixture(scope="module")
def history(live: Bundle, shop: Snapshot, recipe: Recipe) -> list[GateVerdict]:
    """The verdict on the live release, which was the first."""
    return [judged(live, None, shop, recipe)]


@pytest.fixture(scope="module")
def again(
    live: Bundle, shop: Snapshot, recipe: Recipe, history: list[GateVerdict], tmp_path_factory: pytest.TempPathFactory
) -> Judgement:
    """The live release, judged under another name."""
    challenger = rewritten(live, tmp_path_factory.mktemp("again"), NEW, same)
    return judge_release(input_of(challenger, live, shop, recipe, history), StepLog())


def input_of(
    challenger: Bundle, live: Bundle | None, shop: Snapshot, recipe: Recipe, history: list[GateVerdict] | None = None
) -> GateInput:
    champion = None if live is None else build_recommender(live, (), None, remember=0)
    return GateInput(challenger, champion, shop, recipe, None, GateSettings(), history=history or [])


def judged(
    challenger: Bundle, live: Bundle | None, shop: Snapshot, recipe: Recipe, history: list[GateVerdict] | None = None
) -> GateVerdict:
    return judge_release(input_of(challenger, live, shop, recipe, history), StepLog()).verdict


def failed(verdict: GateVerdict) -> set[str]:
    return {check.name for check in verdict.checks if check.result == "failed"}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files_are_refused(name: str, live: Bundle, shop: Snapshot, recipe: Recipe, tmp_path: Path) -> None:
    verdict = judged(rewritten(live, tmp_path, NEW, DAMAGES[name]), live, shop, recipe)
    assert verdict.outcome == "rejected"
    assert REASONS[name] <= failed(verdict)


@pytest.mark.parametrize("name", FAULTS)
def test_a_release_of_faulty_data_is_refused(
    name: str, live: Bundle, shop: Snapshot, recipe: Recipe, history: list[GateVerdict], tmp_path: Path
) -> None:
    faulty = FAULTS[name](shop)
    challenger = build_bundle(faulty, tmp_path / NEW, recipe, StepLog(), version=NEW)
    verdict = judged(challenger, live, faulty, recipe, history)
    assert verdict.outcome == "rejected"
    assert REASONS[name] <= failed(verdict)


@pytest.mark.parametrize("name", ["shuffled ids", "popularity alone"])
def test_a_first_release_is_held_to_the_floors_and_to_its_own_recipe(
    name: str, live: Bundle, shop: Snapshot, recipe: Recipe, tmp_path: Path
) -> None:
    verdict = judged(rewritten(live, tmp_path, NEW, DAMAGES[name]), None, shop, recipe)
    assert verdict.outcome == "rejected"
    assert verdict.champion is None


def test_yesterdays_files_under_a_new_name_are_refused(
    live: Bundle, shop: Snapshot, recipe: Recipe, tmp_path: Path
) -> None:
    today = replace(shop, log_seq=shop.log_seq + 100)
    verdict = judged(rewritten(live, tmp_path, NEW, same), live, today, recipe)
    assert failed(verdict) == {"stale"}


def test_the_same_again_is_promoted_and_every_check_says_what_it_saw(again: Judgement) -> None:
    verdict = again.verdict
    assert (verdict.outcome, verdict.champion, verdict.reasons) == ("promoted", LIVE, [])
    assert all(check.words for check in verdict.checks)
    assert "both learnt again from everything before" in verdict.fairness
    assert GateVerdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_its_page_names_no_customer(again: Judgement) -> None:
    page = again.page()
    assert "Promoted: none of" in page
    assert not any(user_id in page for user_id in ("user-001", "user-059"))


@needs_browser
def test_its_page_opens_well_at_every_width(again: Judgement, tmp_path: Path) -> None:
    looks_well([again.page()], tmp_path, is_dark=False)


def test_a_live_release_that_ended_before_the_weeks_that_judge_answers_itself(
    shop_events: list[Event], recipe: Recipe, tmp_path: Path
) -> None:
    early = snapshot_of([event for event in shop_events if event.at_ms < (NOW - 40) * DAY_MS])
    old = build_bundle(early, tmp_path / LIVE, recipe, StepLog(), version=LIVE)
    shop = snapshot_of(shop_events)
    new = build_bundle(shop, tmp_path / NEW, recipe, StepLog(), version=NEW)
    verdict = judged(new, old, shop, recipe)
    assert "answers itself, newer events folded in" in verdict.fairness
    assert {check.name for check in verdict.checks if check.result != "failed"} >= {"champion"}


def test_a_shop_whose_events_all_have_one_time_is_not_refused_for_it(recipe: Recipe, tmp_path: Path) -> None:
    events = [event._replace(at_ms=round(NOW * DAY_MS)) for event in small_events()]
    shop = snapshot_of(events)
    verdict = judged(build_bundle(shop, tmp_path / NEW, recipe, StepLog(), version=NEW), None, shop, recipe)
    assert verdict.outcome == "promoted"
    assert any(check.result == "not judged" for check in verdict.checks)


def test_a_better_release_replaces_one_of_best_sellers(
    live: Bundle, shop: Snapshot, recipe: Recipe, tmp_path: Path
) -> None:
    poor = rewritten(live, tmp_path, "20171128T000000Z-0000", popularity_alone)
    verdict = judged(live, poor, shop, recipe)
    assert failed(verdict) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files_are_refused_where_few_buy_new_things(name: str, recipe: Recipe, tmp_path: Path) -> None:
    shop = snapshot_of(daily_events(60, 24, 120))
    live = build_bundle(shop, tmp_path / LIVE, recipe, StepLog(), version=LIVE)
    assert judged(rewritten(live, tmp_path, NEW, DAMAGES[name]), live, shop, recipe).outcome == "rejected"
