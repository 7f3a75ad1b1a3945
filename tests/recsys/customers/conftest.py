"""A small shop as the log and the table of its customers."""

from collections.abc import Callable, Sequence

import polars as pl
import pytest

from recsys.customers.stages import StageRule
from recsys.customers.table import CustomerPlan, CustomerTable, build_customer_table, read_customer_log
from recsys.data.dataset.dataset import Dataset, build_dataset, read_events
from recsys.data.events import EVENT_SCHEMA, Event, Kind
from recsys.data.facts import Fact
from recsys.testing import NOW, small_events, small_items
from recsys.time_units import DAY_MS

WEIGHTS = {Kind.PURCHASE: 1.0, Kind.VIEW: 0.1, Kind.RETURN: -1.0}
NOW_MS = round(NOW * DAY_MS)

Shop = tuple[Dataset, CustomerTable]


def frame_of(events: Sequence[Event]) -> pl.DataFrame:
    return read_events([pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row")])


def shop_of(
    events: Sequence[Event], as_of_ms: int = NOW_MS, recommendations: Sequence[Fact] = (), rule: StageRule | None = None
) -> Shop:
    """The dataset and the table of its customers, without later events; most items have a cost."""
    frame = frame_of(events)
    data = build_dataset(frame, small_items(), now=as_of_ms / DAY_MS, weight_by_kind=WEIGHTS, never_show={})
    ids = data.catalogue.ids.texts.all()
    costs = {item_id: 1.0 + place for place, item_id in enumerate(ids) if place not in (5, 6)}
    log = read_customer_log(frame, data.users, costs, as_of_ms, recommendations)
    return data, build_customer_table(log, data.users, data.catalogue, CustomerPlan(rule or StageRule()))


@pytest.fixture(scope="session")
def make_shop() -> Callable[..., Shop]:
    return shop_of


@pytest.fixture(scope="session")
def shop() -> Shop:
    guest = Event("g", "guest:o1", "item-001", Kind.PURCHASE, NOW_MS - DAY_MS, 1.0, 500.0, "o1")
    visitor = Event("v", "visitor", "item-001", Kind.VIEW, NOW_MS - DAY_MS)
    return shop_of([*small_events(), guest, visitor])
