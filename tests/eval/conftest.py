"""Fixtures of the evaluation tests: the small shop evaluated in two windows."""

import polars as pl
import pytest

from eval.backtest.records import Records
from eval.backtest.results import Evaluation
from eval.backtest.run import run_backtest
from eval.splits.windows import WindowSchedule
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import EVENT_SCHEMA, Event
from recsys.learning.recipe import read_recipe
from recsys.progress import StepLog
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS


@pytest.fixture(scope="session")
def shop_evaluation(shop_events: list[Event]) -> Evaluation:
    """Two windows of a fortnight each; no customer has an attribute, and no spare models are tried."""
    frame = pl.DataFrame(shop_events, schema=EVENT_SCHEMA, orient="row")
    snapshot = Snapshot(read_events([frame]), small_items(), len(shop_events), 1)
    records = Records(snapshot, [], frame.select("user_id", "at_ms", "channel").drop_nulls())
    schedule = WindowSchedule(n_windows=2, cut_ms=int((NOW - 14) * DAY_MS), days=14)
    return run_backtest(
        records, read_recipe(None, validation_days=14, seed=0, optional_seconds=0), None, StepLog(), schedule
    )
