"""A release of the small shop with every model and every part of the engine."""

import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.entities import Item, User
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.engine import calibration
from recsys.learning.bundle_builder import build_bundle
from recsys.learning.bundle_refresh import refresh_bundle
from recsys.learning.customers import needs
from recsys.learning.recipe import read_recipe
from recsys.models.registry import OPTIONAL_MODELS
from recsys.progress import StepLog
from recsys.testing import NOW, small_events, small_items
from recsys.time_units import DAY_MS
from tests.homes import made_once

NOW_MS = int(NOW * DAY_MS)


def full_release(directory: Path, seed: int, n_items: int = 24) -> Path:
    """A release with every model and every part: ratings, segments, precomputed lists, items without an event.

    It is refreshed, so that it holds events of an item that has no number.
    """
    events = small_events(n_items=n_items, seed=seed)
    rated = [event for event in events if event.kind == Kind.PURCHASE][::3]
    events += [_rating(event, 1 + (at + seed) % 5) for at, event in enumerate(rated)]
    users = [User(f"user-{n:03}", attributes={"age": 20 + n % 40, "kind": f"camp-{n % 2}"}) for n in range(60)]
    items = [*small_items(n_items), Item("item-new", name="New", category="category-9", attributes={"size": 3.0})]
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    newcomers = {"item-new": NOW - 2}
    snapshot = Snapshot(read_events([frame]), items, len(events), 1, users=users, newcomers=newcomers)
    file = directory.parent / f"{directory.name}.toml"
    words = "".join(f"[models.{name}]\noff = false\n" for name in sorted(OPTIONAL_MODELS - {"self_attention"}))
    file.write_text(f"{words}[models.self_attention]\noff = false\nepochs = 2\n")
    recipe = read_recipe(file, validation_days=28, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "MIN_EXAMPLES", 200)  # so that the small shop has curves, too
        patch.setattr(needs, "SHORTEST_PAST_DAYS", 49.0)  # and needs within 28 days
        base_path = directory.parent / f"{directory.name}-trained"
        base = build_bundle(snapshot, base_path, recipe, StepLog(), version="trained", with_ratings=True)
        late = Event("late", "user-003", "item-late", Kind.PURCHASE, NOW_MS, price=2.0)
        frame = pl.DataFrame([*events, late], schema=EVENT_SCHEMA, orient="row")
        later = replace(snapshot, events=read_events([frame]), log_seq=len(events) + 1)
        return refresh_bundle(base, later, directory, recipe, StepLog(), version="small").path


def full_release_made_once(folders: pytest.TempPathFactory) -> Path:
    """The release of seed 0, for all test processes."""
    return made_once(folders, "full-release", lambda folder: full_release(folder / "here", seed=0)) / "here"


def _rating(event: Event, stars: int) -> Event:
    return event._replace(event_id=f"{event.event_id}-stars", kind=Kind.RATING, rating=float(stars))


if __name__ == "__main__":
    full_release(Path(sys.argv[1]), seed=0)
