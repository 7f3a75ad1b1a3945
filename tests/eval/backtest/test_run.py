"""A backtest learns from the past, asks the serving recommender, and compares each list with the baselines."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from eval.backtest.records import Records
from eval.backtest.results import Evaluation, ListSummary
from eval.backtest.run import run_backtest
from eval.protocol import BEST_SELLERS, FADING_FREQUENCY, OWN_FREQUENCY, RANDOM, SEGMENT
from eval.splits.windows import WindowSchedule
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.entities import Item, User
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.errors import NotEnoughData
from recsys.learning.recipe import Recipe, read_recipe
from recsys.progress import StepLog
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

CUT_MS = int((NOW - 21) * DAY_MS)
ONE = WindowSchedule(n_windows=1, cut_ms=CUT_MS, days=21)
TWO = WindowSchedule(n_windows=2, cut_ms=CUT_MS + 7 * DAY_MS, days=14)


def records_of(events: Sequence[Event], items: list[Item] | None = None, users: Sequence[User] = ()) -> Records:
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    snapshot = Snapshot(read_events([frame]), small_items() if items is None else items, len(events), 1)
    return Records(snapshot, users, frame.select("user_id", "at_ms", "channel").drop_nulls())


def recipe() -> Recipe:
    """The recipe of the house; no spare models and no search of settings, which take most of the time."""
    default = read_recipe(None, validation_days=14, seed=0, optional_seconds=0)
    return replace(default, plan=replace(default.plan, optional={}))


def small_recipe() -> Recipe:
    """Few models, for what does not depend on them."""
    result = recipe()
    few = {name: result.plan.learners[name] for name in ("popularity", "buy_again", "user_neighbours")}
    return replace(result, plan=replace(result.plan, learners=few))


def evaluated(events: Sequence[Event], schedule: WindowSchedule = ONE, models: Recipe | None = None) -> Evaluation:
    return run_backtest(records_of(events), models or recipe(), None, StepLog(), schedule)


def line_of(evaluation: Evaluation, task: int, name: str) -> ListSummary:
    return next(line for line in evaluation.tasks[task].lines if line.name == name)


def means(evaluation: Evaluation, task: int) -> dict[str, float]:
    return {line.name: line.pooled.metrics["ndcg@10"].mean for line in evaluation.tasks[task].lines}


def users_with_camps() -> list[User]:
    """The camps of the small shop, as an attribute that half of the customers have."""
    return [User(f"user-{u:03}", {"camp": "even" if u % 2 == 0 else "odd"}) for u in range(30)]


@pytest.fixture(scope="module")
def evaluation(shop_events: list[Event]) -> Evaluation:
    """Two windows of the small shop, whose customers name a store and an attribute."""
    events = [event._replace(channel=f"store-{int(event.user_id[-1]) % 2}") for event in shop_events]
    return run_backtest(records_of(events, users=users_with_camps()), recipe(), None, StepLog(), TWO)


@pytest.fixture(scope="module")
def plain(shop_events: list[Event]) -> Evaluation:
    """One window of the small shop as it is."""
    return evaluated(shop_events)


def test_every_list_stands_beside_the_baselines(evaluation: Evaluation) -> None:
    everything, new = means(evaluation, 0), means(evaluation, 2)
    baselines = {BEST_SELLERS, SEGMENT, RANDOM}
    own = {OWN_FREQUENCY, FADING_FREQUENCY}
    assert list(everything)[:5] == [BEST_SELLERS, SEGMENT, OWN_FREQUENCY, FADING_FREQUENCY, RANDOM]
    assert baselines | own | {"home", "buy-again", "als", "item_neighbours", "user_neighbours"} <= set(everything)
    assert baselines | {"discover", "als"} <= set(new)
    for line in evaluation.tasks[0].lines:
        assert set(line.pooled.against) == {BEST_SELLERS, *own} - {line.name}


def test_buying_again_beats_best_sellers_where_customers_have_favourites(evaluation: Evaluation) -> None:
    ndcg = means(evaluation, 0)
    assert ndcg["buy-again"] > ndcg[BEST_SELLERS] > ndcg[RANDOM]


def test_new_things_of_the_own_camp_beat_best_sellers(evaluation: Evaluation) -> None:
    ndcg = means(evaluation, 2)
    assert ndcg["discover"] > ndcg[BEST_SELLERS]


def test_windows_lie_side_by_side_the_latest_first(evaluation: Evaluation) -> None:
    latest, earlier = evaluation.windows
    assert latest.cut == NOW - 14
    assert earlier.until == latest.cut
    assert earlier.cut == latest.cut - 14


def test_the_pooled_mean_counts_each_customer_of_each_window(evaluation: Evaluation) -> None:
    """Every customer of the small shop buys in both windows, so that it lies in the middle of the two."""
    for task in evaluation.tasks[:1]:
        for line in task.lines:
            alone = [window.metrics["ndcg@10"].mean for window in line.windows]
            assert line.pooled.metrics["ndcg@10"].mean == pytest.approx(np.mean(alone))


def test_what_happens_after_the_cut_changes_no_list(shop_events: list[Event], plain: Evaluation) -> None:
    """A canary: an item that only the future loves, and that everybody loves there, must not be found."""
    future = [event for event in shop_events if event.at_ms >= CUT_MS]
    canaries = [event._replace(event_id=f"c-{event.event_id}", item_id="item-canary") for event in future]
    seen, alone = means(evaluated([*shop_events, *canaries]), 0), means(plain, 0)
    for name, mean in seen.items():
        assert mean <= alone[name] + 1e-9


def test_a_future_that_judges_alike_judges_bit_for_bit_alike(shop_events: list[Event], plain: Evaluation) -> None:
    """Other views, quantities, orders and strangers after the cut, and other weeks beyond the end: nothing moves."""
    end_ms = CUT_MS + 21 * DAY_MS
    late = [event for event in shop_events if event.at_ms >= CUT_MS]
    moved = [
        event._replace(order_id="another", channel="store-9") if event.at_ms >= CUT_MS else event
        for event in shop_events
    ]
    views = [event._replace(event_id=f"v-{event.event_id}", kind=Kind.VIEW, item_id="item-000") for event in late]
    strangers = [event._replace(event_id=f"s-{event.event_id}", user_id=f"new-{event.user_id}") for event in late]
    beyond = [event._replace(event_id=f"b-{event.event_id}", at_ms=event.at_ms + end_ms - CUT_MS) for event in late]
    other = evaluated([*moved, *views, *strangers, *beyond])
    for ours, theirs in zip(other.tasks, plain.tasks, strict=True):
        for line, same in zip(ours.lines, theirs.lines, strict=True):
            assert (line.pooled, line.windows, line.groups, line.verdicts) == (
                same.pooled,
                same.windows,
                same.groups,
                same.verdicts,
            )
    assert other.windows[0].blend == plain.windows[0].blend


def test_what_blends_were_chosen_by_lies_before_the_cut(shop_events: list[Event], plain: Evaluation) -> None:
    """A future in which the camps swap sides teaches the blend nothing."""
    swapped = [
        event._replace(item_id=f"item-{(int(event.item_id[-3:]) + 1) % 24:03}") if event.at_ms >= CUT_MS else event
        for event in shop_events
    ]
    assert evaluated(swapped).windows[0].blend == plain.windows[0].blend


def test_a_feature_that_knows_the_future_is_not_learnt_from(shop_events: list[Event], plain: Evaluation) -> None:
    """The category of each item says how often it will be bought: it changes no list of what is learnt from events."""
    ahead = pl.DataFrame([event.item_id for event in shop_events if event.at_ms >= CUT_MS], schema=["item_id"])
    counts = dict(ahead.group_by("item_id").len().iter_rows())
    telling = [replace(item, attributes={"sold_next": float(counts.get(item.item_id, 0))}) for item in small_items()]
    result = run_backtest(records_of(shop_events, telling), recipe(), None, StepLog(), ONE)
    assert means(result, 0) == means(plain, 0)


def test_hidden_items_count_neither_as_shown_nor_as_bought(shop_events: list[Event]) -> None:
    hiding = replace(small_recipe(), never_show={"category": frozenset({"category-0"})})
    result = run_backtest(records_of(shop_events), hiding, None, StepLog(), ONE)
    assert result.windows[0].n_items == 18
    assert result.windows[0].left_out["purchases of items that are never shown"] > 0


def test_a_window_in_which_nobody_known_buys_is_refused(shop_events: list[Event]) -> None:
    strangers = [
        event._replace(user_id=f"new-{event.user_id}") if event.at_ms >= CUT_MS else event for event in shop_events
    ]
    with pytest.raises(NotEnoughData, match="earlier cut"):
        evaluated(strangers, models=small_recipe())


def test_a_window_before_the_log_began_is_left_out_with_a_word(shop_events: list[Event]) -> None:
    result = evaluated(
        shop_events, WindowSchedule(n_windows=3, cut_ms=int((NOW - 60) * DAY_MS), days=28), small_recipe()
    )
    assert len(result.windows) == 1
    assert any("Window 3 of 3 is left out: only 0 days lie before it" in note for note in result.notes)


def test_a_window_with_less_before_it_than_in_it_is_left_out_with_a_word(shop_events: list[Event]) -> None:
    result = evaluated(
        shop_events, WindowSchedule(n_windows=2, cut_ms=int((NOW - 30) * DAY_MS), days=30), small_recipe()
    )
    assert len(result.windows) == 1
    assert any("Window 2 of 2 is left out: only 1" in note for note in result.notes)


def test_at_most_so_many_customers_are_drawn_and_in_every_window_the_same(shop_events: list[Event]) -> None:
    result = evaluated(shop_events, replace(TWO, most_customers=25), small_recipe())
    assert [window.n_customers for window in result.windows] == [25, 25]
    assert result.tasks[0].n_customers == 25
    assert result.windows[0].left_out["customers not drawn"] == 35


def test_lists_of_today_and_of_a_week_ago_are_compared(evaluation: Evaluation) -> None:
    assert line_of(evaluation, 0, BEST_SELLERS).shelf["stability"] <= 1
    assert 0 < line_of(evaluation, 0, "buy-again").shelf["stability"] <= 1
    assert line_of(evaluation, 0, RANDOM).shelf["coverage"] == 1.0
    assert line_of(evaluation, 0, RANDOM).shelf["stability"] == pytest.approx(10 / 24, abs=0.08)


def test_the_same_settings_over_the_same_log_give_the_same_run(shop_events: list[Event], plain: Evaluation) -> None:
    again = evaluated(shop_events)
    other = evaluated(shop_events, replace(ONE, seed=1), small_recipe())
    assert plain.run_id == again.run_id != other.run_id
    assert means(plain, 0) == means(again, 0)
