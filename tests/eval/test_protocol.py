"""An evaluation learns from the past, asks the recommender that serves, and shows each list by the baselines."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from eval.baselines import best_sellers, own_frequency
from eval.protocol import BEST_SELLERS, OWN_FREQUENCY, Evaluation, Window, evaluate
from eval.table import as_data, rendered
from recsys.arrays import DAY_MS
from recsys.data.catalogue import Item
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.data.shop import read_events
from recsys.errors import NotEnoughData
from recsys.ranking.making import Recipe, Snapshot, Steps, recipe_of
from recsys.testing import NOW, interactions_of, small_items

CUT_MS = int((NOW - 21) * DAY_MS)


def snapshot_of(events: list[Event], items: list[Item] | None = None) -> Snapshot:
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    return Snapshot(read_events([frame]), small_items() if items is None else items, len(events), 1)


def recipe() -> Recipe:
    return recipe_of(None, validation_days=14, seed=0)


@pytest.fixture(scope="module")
def evaluation(shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("evaluation") / "bundle"
    return evaluate(snapshot_of(shop_events), recipe(), None, folder, Steps(), Window(cut_ms=CUT_MS, days=21))


def means(evaluation: Evaluation, task: int) -> dict[str, float]:
    return {line.name: line.means["ndcg@10"] for line in evaluation.tasks[task].lines}


def test_every_list_stands_beside_the_baselines(evaluation: Evaluation) -> None:
    everything, new = means(evaluation, 0), means(evaluation, 1)
    assert {BEST_SELLERS, OWN_FREQUENCY, "home", "buy-again", "als", "item_neighbours", "user_neighbours"} <= set(
        everything
    )
    assert {BEST_SELLERS, "discover", "als"} <= set(new)
    for line in evaluation.tasks[0].lines:
        assert set(line.against) == {BEST_SELLERS, OWN_FREQUENCY} - {line.name}


def test_buying_again_beats_best_sellers_where_customers_have_favourites(evaluation: Evaluation) -> None:
    found = means(evaluation, 0)
    assert found["buy-again"] > found[BEST_SELLERS]


def test_new_things_of_the_own_camp_beat_best_sellers(evaluation: Evaluation) -> None:
    found = means(evaluation, 1)
    assert found["discover"] > found[BEST_SELLERS]


def test_what_happens_after_the_cut_changes_no_list(shop_events: list[Event], tmp_path: Path) -> None:
    """A canary: an item that only the future loves, and that everybody loves there, must not be found."""
    future = [event for event in shop_events if event.at_ms >= CUT_MS]
    canaries = [event._replace(event_id=f"c-{event.event_id}", item_id="item-canary") for event in future]
    window = Window(cut_ms=CUT_MS, days=21)
    seen = evaluate(snapshot_of([*shop_events, *canaries]), recipe(), None, tmp_path / "b", Steps(), window)
    plain = evaluate(snapshot_of(shop_events), recipe(), None, tmp_path / "a", Steps(), window)
    for name, mean in means(seen, 0).items():
        assert mean <= means(plain, 0)[name] + 1e-9


def test_hidden_items_count_neither_as_shown_nor_as_bought(shop_events: list[Event], tmp_path: Path) -> None:
    hiding = replace(recipe(), never_show={"category": frozenset({"category-0"})})
    found = evaluate(snapshot_of(shop_events), hiding, None, tmp_path / "b", Steps(), Window(cut_ms=CUT_MS, days=21))
    assert found.n_items == 18


def test_a_window_in_which_nobody_known_buys_is_refused(shop_events: list[Event], tmp_path: Path) -> None:
    strangers = [
        event._replace(user_id=f"new-{event.user_id}") if event.at_ms >= CUT_MS else event for event in shop_events
    ]
    with pytest.raises(NotEnoughData, match="earlier cut"):
        evaluate(snapshot_of(strangers), recipe(), None, tmp_path / "b", Steps(), Window(cut_ms=CUT_MS, days=21))


def test_the_table_fits_a_terminal_and_the_data_holds_the_verdicts(evaluation: Evaluation) -> None:
    console = Console(width=80, file=StringIO())
    with console.capture() as printed:
        console.print(rendered(evaluation))
    text = printed.get()
    assert "…" not in text
    assert "user_neighbours" in text
    line = next(line for line in as_data(evaluation)["tasks"][0]["lines"] if line["name"] == "buy-again")
    assert line["against"][BEST_SELLERS]["verdict"] in {"better", "worse", "level"}


def test_best_sellers_are_what_most_customers_bought_lately() -> None:
    user, item = np.array([0, 0, 0, 1, 2, 2], np.int32), np.array([5, 5, 5, 3, 3, 4], np.int32)
    histories = interactions_of(user, item, n_users=3, n_items=6).histories
    on_sale = np.ones(6, bool)
    everything = best_sellers(histories, [0], on_sale, 3, only_new=False)
    assert everything.item[0].tolist() == [3, 4, 5]
    new = best_sellers(histories, [0], on_sale, 3, only_new=True)
    assert new.item[0, : new.length[0]].tolist() == [3, 4]


def test_own_frequency_counts_and_leaves_out_what_is_not_on_sale() -> None:
    user, item = np.zeros(6, np.int32), np.array([5, 5, 1, 2, 2, 2], np.int32)
    histories = interactions_of(user, item, n_users=1, n_items=6).histories
    on_sale = np.array([True, True, False, True, True, True])
    lists = own_frequency(histories, [0], on_sale, 4)
    assert lists.item[0, : lists.length[0]].tolist() == [5, 1]


def test_returns_are_no_purchases_for_the_baselines() -> None:
    histories = interactions_of(np.zeros(2, np.int32), np.array([0, 1], np.int32), n_users=1, n_items=2).histories
    returned = replace(histories, kind=np.full(2, Kind.RETURN, np.int8))
    assert own_frequency(returned, [0], np.ones(2, bool), 2).length.tolist() == [0]
