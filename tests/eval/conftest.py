"""What tests of the evaluation share: the small shop judged in two windows."""

import polars as pl
import pytest

from eval.findings import Evaluation
from eval.protocol import evaluate
from eval.records import Records
from eval.schedule import Schedule
from recsys.arrays import DAY_MS
from recsys.data.events import EVENT_SCHEMA, Event
from recsys.data.shop import read_events
from recsys.ranking.making import Snapshot, Steps, recipe_of
from recsys.testing import NOW, small_items


@pytest.fixture(scope="session")
def shop_evaluation(shop_events: list[Event]) -> Evaluation:
    """Two windows of a fortnight each; no customer has an attribute, and no spare models are tried."""
    frame = pl.DataFrame(shop_events, schema=EVENT_SCHEMA, orient="row")
    snapshot = Snapshot(read_events([frame]), small_items(), len(shop_events), 1)
    records = Records(snapshot, [], frame.select("user_id", "at_ms", "channel").drop_nulls())
    schedule = Schedule(n_windows=2, cut_ms=int((NOW - 14) * DAY_MS), days=14)
    return evaluate(records, recipe_of(None, validation_days=14, seed=0, spare_seconds=0), None, Steps(), schedule)
