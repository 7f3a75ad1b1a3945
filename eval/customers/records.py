"""Records of a shop for back-tests of customers: orders, interactions and attributes, without hidden items."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from eval.backtest.records import attribute_labels, segment_attribute
from recsys.customers.orders import Orders
from recsys.customers.stages import StageRule
from recsys.customers.table import read_customer_log
from recsys.data.dataset.dataset import Dataset, build_dataset
from recsys.data.dataset.snapshot import Snapshot, read_snapshot
from recsys.data.events import Kind
from recsys.data.facts import Fact
from recsys.data.store.base import Store
from recsys.learning.engine_parts import customer_events
from recsys.learning.recipe import Recipe
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class CustomerRecords:
    """What customers did up to `as_of_ms`, just after the last event.

    segment: the attribute that divides customers, None where nobody has one.  labels (U,): its values, "" without.
    recommendations: see `FactStore.recommendation_facts`.
    """

    as_of_ms: int
    orders: Orders
    dataset: Dataset
    rule: StageRule
    segment: str | None
    labels: Sequence[str]
    recommendations: Sequence[Fact] = ()


def read_customer_records(store: Store, recipe: Recipe, segment: str | None) -> CustomerRecords:
    """Purchases that cost something and returns, of items that are shown.  Raises NotEnoughData, BadInput."""
    return customer_records(read_snapshot(store), recipe, segment)


def customer_records(snapshot: Snapshot, recipe: Recipe, segment: str | None) -> CustomerRecords:
    """The same from a snapshot."""
    events = customer_events(snapshot, recipe.never_show).filter(
        (pl.col("kind") == int(Kind.RETURN))
        | ((pl.col("kind") == int(Kind.PURCHASE)) & ~(pl.col("price") <= 0).fill_null(value=False))
    )
    as_of_ms = round(snapshot.last_at * DAY_MS) + 1
    dataset = build_dataset(
        events,
        snapshot.items,
        now=as_of_ms / DAY_MS,
        weight_by_kind={Kind.PURCHASE: 1.0, Kind.RETURN: -1.0},
        never_show=recipe.never_show,
    )
    cost = {item.item_id: item.cost for item in snapshot.items if item.cost is not None}
    log = read_customer_log(events, dataset.users, cost, as_of_ms)
    chosen = segment_attribute(snapshot.users, segment)
    labels = attribute_labels(snapshot.users, chosen) if chosen is not None else {}
    own = [labels.get(user_id, "") for user_id in dataset.users.texts.all()]
    rule, facts = recipe.customers.rule, snapshot.recommendations
    return CustomerRecords(as_of_ms, log.orders, dataset, rule, chosen, own, facts)
