"""Customers made up with a browser's key: the next training brings their item into nobody else's list."""

from pathlib import Path

import polars as pl
import pytest

from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import BROWSER_PREFIX, EVENT_SCHEMA, Event, Kind
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.ranking.query import Query
from recsys.ranking.recommender import Recommender, build_recommender
from recsys.testing import small_events, small_items

N_FAKES = 2_000
EVENTS = small_events()
USERS = sorted({event.user_id for event in EVENTS})
LAST_MS = max(event.at_ms for event in EVENTS)
PUSHED = "item-023"


def made_up(user: str, number: int) -> Event:
    name = f"{BROWSER_PREFIX}-{user}-{number}"
    return Event(name, user, PUSHED, Kind.PURCHASE, LAST_MS - number * 1_000, 1.0, 1.0, name)


def lists(events: list[Event], folder: Path) -> dict[str, list[str]]:
    """The lists of all true customers, and of a stranger, by a release that learnt from these events."""
    frame = read_events(
        [pl.DataFrame(sorted(events, key=lambda event: event.at_ms), schema=EVENT_SCHEMA, orient="row")]
    )
    snapshot = Snapshot(frame, small_items(), log_seq=len(events), item_revision=1)
    recipe = read_recipe(None, validation_days=28, seed=0, optional_seconds=0)
    shop = build_recommender(build_bundle(snapshot, folder, recipe, StepLog(), version="small"), (), None)
    return {
        f"{user} {placement}": shown(shop, user, placement)
        for user in (*USERS, None)
        for placement in ("home", "discover", "best-sellers", "trending")
    }


def shown(shop: Recommender, user: str | None, placement: str) -> list[str]:
    return [item.item_id for item in shop.recommend(Query(LAST_MS + 1_000, placement, 5, user)).items]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    return lists(EVENTS, tmp_path_factory.mktemp("before") / "bundle")


def entered(before: dict[str, list[str]], after: dict[str, list[str]]) -> set[str]:
    """The lists into which the item came."""
    return {name for name, items in after.items() if PUSHED in items and PUSHED not in before[name]}


@pytest.mark.slow
def test_a_bot_moves_no_more_lists_than_a_customer_who_buys_once(before: dict[str, list[str]], tmp_path: Path) -> None:
    once, bot = (
        lists([*EVENTS, *(made_up("bot", number) for number in range(n))], tmp_path / str(n)) for n in (1, 5_000)
    )
    moved_by_one, moved_by_bot = ({name for name in before if before[name] != after[name]} for after in (once, bot))
    assert len(moved_by_bot) <= len(moved_by_one)
    assert {name for name in moved_by_bot if not name.endswith("discover")} == set()
    assert entered(before, bot) == set()


@pytest.mark.slow
def test_two_thousand_customers_of_a_browsers_key_bring_their_item_into_no_list(
    before: dict[str, list[str]], tmp_path: Path
) -> None:
    fakes = [made_up(f"fake-{number}", number) for number in range(N_FAKES)]
    assert entered(before, lists([*EVENTS, *fakes], tmp_path / "bundle")) == set()
