"""How Hypothesis looks for counterexamples: by the budget of a test run, or of a night (`make soak`)."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings

from recsys.data.events import EVENT_SCHEMA, Event
from recsys.data.shop import read_events
from recsys.ranking.making import Snapshot, Steps, make_bundle, recipe_of
from recsys.ranking.recommender import Recommender, recommender_of
from recsys.testing import small_events, small_items

# A deadline per example fails where the machine is busy, not where the code is wrong.
settings.register_profile("quick", deadline=None)
settings.register_profile("soak", deadline=None, max_examples=5_000)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def shop_events() -> list[Event]:
    """The events of the small shop."""
    return small_events()


@pytest.fixture(scope="session")
def small_shop(shop_events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """The small shop as everybody meets it: learnt, written to a bundle, opened again."""
    frame = pl.DataFrame(shop_events, schema=EVENT_SCHEMA, orient="row")
    snapshot = Snapshot(read_events([frame]), small_items(), log_seq=len(shop_events), item_revision=1)
    directory: Path = tmp_path_factory.mktemp("small-shop") / "bundle"
    recipe = recipe_of(None, validation_days=28, seed=0)
    return recommender_of(make_bundle(snapshot, directory, recipe, Steps(), version="small"), (), None)
