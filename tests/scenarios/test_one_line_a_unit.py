"""A shop that writes a line for each unit gets what a shop with quantities gets; one order is no re-purchase."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.ranking.query import Query, Reason
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

NOW_MS = int(NOW * DAY_MS)
LINES = 2  # of each item in an order


def shop(events: Sequence[Event], directory: Path) -> Recommender:
    """A shop that has trained on these events."""
    frame = pl.DataFrame(sorted(events, key=lambda event: event.at_ms), schema=EVENT_SCHEMA, orient="row")
    snapshot = Snapshot(read_events([frame]), small_items(), log_seq=len(events), item_revision=1)
    recipe = read_recipe(None, validation_days=28, seed=0, optional_seconds=0)
    return build_recommender(build_bundle(snapshot, directory, recipe, StepLog(), version="units"), (), None)


def lists(recommender: Recommender, placement: str, user_ids: Sequence[str]) -> list[list[tuple[str, float, Reason]]]:
    answers = (recommender.recommend(Query(NOW_MS, placement, 6, user_id)) for user_id in user_ids)
    return [[(item.item_id, item.score, item.reason) for item in answer.items] for answer in answers]


def order(user: int, number: int, days_ago: float) -> list[Event]:
    """Two items of the customer's camp that no other of their orders holds, in LINES lines each."""
    items = [(user % 2 + 2 * (user // 2 * 3 + 2 * number + place)) % 24 for place in range(2)]
    at_ms = int((NOW - days_ago) * DAY_MS)
    return [
        Event(
            f"{user}-{number}-{item}-{line}",
            f"c{user:03}",
            f"item-{item:03}",
            Kind.PURCHASE,
            at_ms,
            1.0,
            9.0,
            f"o{user}-{number}",
        )
        for item in items
        for line in range(LINES)
    ]


@pytest.fixture(scope="module")
def never_again(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recommender, dict[str, set[str]]]:
    """Customers of whom a tenth come again, for other items; and what each of them bought."""
    events = [
        event
        for user in range(120)
        for number in range(1 + (user % 10 == 0))
        for event in order(user, number, 2 + 40 * number + user % 90)
    ]
    owned: dict[str, set[str]] = {}
    for event in events:
        owned.setdefault(event.user_id, set()).add(event.item_id)
    return shop(events, tmp_path_factory.mktemp("never-again") / "bundle"), owned


def test_nobody_is_shown_first_what_they_bought_once(never_again: tuple[Recommender, dict[str, set[str]]]) -> None:
    recommender, owned = never_again
    assert recommender.engine.repeat_share == 0.0
    first = [answer[0][0] for answer in lists(recommender, "home", sorted(owned))]
    assert not [user_id for user_id, item_id in zip(sorted(owned), first, strict=True) if item_id in owned[user_id]]


def test_a_list_says_that_two_lines_of_one_order_were_bought_once(
    never_again: tuple[Recommender, dict[str, set[str]]],
) -> None:
    said = [reason.text for answer in lists(never_again[0], "buy-again", ["c000"]) for _, _, reason in answer]
    assert any(text.startswith("You bought this once on") for text in said)
    assert not any("times" in text for text in said)


def test_a_line_for_each_unit_gives_the_same_lists_and_reasons_as_quantities(
    shop_events: list[Event], tmp_path: Path
) -> None:
    bought = {event.event_id for event in shop_events if event.kind == Kind.PURCHASE}
    whole = [event._replace(quantity=3.0) if event.event_id in bought else event for event in shop_events]
    parts = [
        event._replace(event_id=f"{event.event_id}-{line}", quantity=1.0) if event.event_id in bought else event
        for event in shop_events
        for line in range(3 if event.event_id in bought else 1)
    ]
    one, other = shop(whole, tmp_path / "whole"), shop(parts, tmp_path / "parts")
    assert one.engine.repeat_share == other.engine.repeat_share > 0.1
    user_ids = sorted({event.user_id for event in shop_events})
    for placement in ("home", "buy-again", "discover"):
        assert lists(one, placement, user_ids) == lists(other, placement, user_ids)
