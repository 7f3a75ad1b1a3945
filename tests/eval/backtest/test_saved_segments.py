"""Saved segments in a backtest: who was in them at the cut, from the records before it alone."""

import polars as pl
import pytest

from eval.backtest.records import Records
from eval.backtest.saved_segments import IN, OUT, SavedGroups, saved_segment_name
from recsys.customers.table import CustomerPlan
from recsys.data.dataset.dataset import read_events
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.entities import User
from recsys.data.events import EVENT_SCHEMA, Event
from recsys.errors import BadInput, UnknownSegment
from recsys.ranking.recommender import Recommender
from recsys.ranking.segments.document import SavedSegments, parse_segments
from recsys.ranking.segments.parser import SegmentVocabulary
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS

SAVED = parse_segments(
    """
[[segments]]
name = "even"
where = { bought = { where = { category = "category-0" } }, purchase_days = { gte = 1 } }
[[segments]]
name = "rich"
where = { money = { gte = 300 }, country = "AT" }
[[segments]]
name = "leaving"
where = { churn_28 = { gte = 0.5 } }
""",
    SegmentVocabulary(),
)


def labels(shop: Recommender, events: list[Event], name: str, saved: SavedSegments = SAVED) -> list[str | None]:
    frame = pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")
    users = [User("user-002", {"country": "AT"}), User("user-004", {"country": "DE"})]
    past = Records(Snapshot(read_events([frame]), small_items(), len(events), 1), users)
    groups = SavedGroups(name, saved).labels(shop, past, ["user-002", "user-003", "nobody"], CustomerPlan())
    return list(groups[f"segment {name}"])


def test_members_are_told_from_the_others_and_strangers_have_no_label(
    small_shop: Recommender, shop_events: list[Event]
) -> None:
    assert labels(small_shop, shop_events, "even") == [IN, OUT, None]


def test_figures_are_those_of_the_past_alone(small_shop: Recommender, shop_events: list[Event]) -> None:
    past = [event for event in shop_events if event.at_ms < (NOW - 60) * DAY_MS]
    assert labels(small_shop, shop_events, "rich")[0] == IN
    assert labels(small_shop, past, "rich")[0] == OUT


def test_a_segment_of_predictions_and_a_misspelt_one_are_refused(
    small_shop: Recommender, shop_events: list[Event]
) -> None:
    assert saved_segment_name("segment:even", SAVED) == "even"
    assert saved_segment_name("country", SAVED) is None
    with pytest.raises(UnknownSegment, match="did you mean 'even'"):
        saved_segment_name("segment:evn", SAVED)
    with pytest.raises(BadInput, match="predictions are not known as of a cut"):
        labels(small_shop, shop_events, "leaving")
