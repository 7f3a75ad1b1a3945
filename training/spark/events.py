"""Events on a cluster: from the columns of the log to numbered histories, by the rules of `build_dataset`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.arrays import AnyArray, Floats, Ints
from recsys.data.dataset.dataset import LATEST_PAID, event_weights
from recsys.data.dataset.histories import Histories
from recsys.data.dataset.influence import FLOOR, HALF_LIVES_DAYS, IS_VOUCHED, MIN_VOUCHED
from recsys.data.dataset.occasions import EventLines, merge_lines
from recsys.data.events import Kind
from recsys.data.ids import MISSING, IdMap
from recsys.time_units import DAY_MS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

LINES = ("user", "item", "at_ms", "kind", "basket", "quantity", "price", "rating")
NUMBERED = (
    "user int, item int, at double, weight float, kind byte, basket int, value float"  # one event for each occasion
)


@dataclass(frozen=True, slots=True)
class EventColumns:
    """What a part of the numbered events holds beside the histories: basket, value (N,)."""

    histories: Histories
    basket: Ints
    value: Floats


def vouched_only(
    events: "DataFrame", weight_by_kind: Mapping[Kind, float], unvouched_share: float, *, now: float
) -> "DataFrame":
    """`limit_influence` on a cluster; the same frame where nothing is left out."""
    from pyspark.sql import functions as sql

    if unvouched_share == 1:
        return events
    customers = events.groupBy("user_id").agg(
        sql.max(IS_VOUCHED).alias(IS_VOUCHED), sql.min("at_ms").alias("known_since")
    )
    if customers.where(IS_VOUCHED).limit(MIN_VOUCHED).count() < MIN_VOUCHED:
        return events
    for half_life_days in HALF_LIVES_DAYS:
        weight = _decayed_weight(weight_by_kind, now, half_life_days)
        events = _without_excess(events, customers, weight, unvouched_share)
    return events


def _without_excess(
    events: "DataFrame", customers: "DataFrame", event_weight: "Column", unvouched_share: float
) -> "DataFrame":
    from pyspark.sql import Window
    from pyspark.sql import functions as sql

    weight = sql.max(event_weight).alias("weight")
    pairs = events.groupBy("user_id", "item_id").agg(weight).join(customers, "user_id")
    item = Window.partitionBy("item_id")
    oldest_first = item.orderBy("known_since", "user_id").rowsBetween(Window.unboundedPreceding, 0)
    vouched = sql.sum(sql.when(sql.col(IS_VOUCHED), sql.col("weight")).otherwise(0.0)).over(item)
    unvouched = sql.sum(sql.when(sql.col(IS_VOUCHED), 0.0).otherwise(sql.col("weight"))).over(oldest_first)
    most = sql.greatest(vouched * (unvouched_share / (1 - unvouched_share)), sql.lit(FLOOR))
    marked = pairs.withColumn("is_excess", ~sql.col(IS_VOUCHED) & (sql.col("weight") > 0) & (unvouched > most))
    return events.join(marked.where("is_excess"), ["user_id", "item_id"], "left_anti")


def _decayed_weight(weight_by_kind: Mapping[Kind, float], now: float, half_life_days: float) -> "Column":
    from pyspark.sql import functions as sql

    weight = sql.lit(0.0)
    for kind, value in weight_by_kind.items():
        weight = sql.when(sql.col("kind") == int(kind), sql.lit(float(value))).otherwise(weight)
    stars = sql.when(sql.col("kind") == int(Kind.RATING), sql.coalesce("rating", sql.lit(0.0))).otherwise(1.0)
    age_days = sql.lit(now) - sql.col("at_ms") / DAY_MS
    return sql.greatest(weight * stars, sql.lit(0.0)) * sql.pow(sql.lit(2.0), age_days / -half_life_days)


def event_counts(events: "DataFrame") -> tuple[int, int]:
    """How many events there are, and how many of them nobody vouches for."""
    from pyspark.sql import functions as sql

    counts = events.agg(sql.count("*"), sql.count_if(~sql.col(IS_VOUCHED))).first()
    n, n_unvouched = counts or (0, 0)
    return int(n), int(n_unvouched)


def known_ids(events: "DataFrame", column: str) -> list[str]:
    """The different ids of that column."""
    ids: list[str] = events.select(column).distinct().toArrow()[column].to_pylist()
    return ids


def paid_prices(events: "DataFrame", ids: IdMap) -> Floats:
    """`paid_prices` of the dataset on a cluster.  (I,)"""
    from pyspark.sql import Window
    from pyspark.sql import functions as sql

    bought = events.where((sql.col("kind") == int(Kind.PURCHASE)) & (sql.col("price") > 0))
    occasion = sql.coalesce(sql.concat(sql.lit("o"), "order_id"), sql.floor(sql.col("at_ms") / DAY_MS).cast("string"))
    line = bought.groupBy("item_id", "user_id", occasion).agg(sql.max(sql.struct("at_ms", "price")).alias("last"))
    newest = Window.partitionBy("item_id").orderBy(sql.desc("last"))
    last = line.withColumn("nth", sql.row_number().over(newest)).where(sql.col("nth") <= LATEST_PAID)
    last = last.select("item_id", "last.price")
    table = last.groupBy("item_id").agg(sql.median("price").alias("price")).toArrow()
    prices = np.full(len(ids), np.nan, np.float32)
    prices[ids.positions(table["item_id"].to_pylist())] = table["price"].to_numpy()
    return prices


def write_numbered(
    events: "DataFrame", ids: Mapping[str, IdMap], weight_by_kind: Mapping[Kind, float], folder: Path, n_slices: int
) -> None:
    """The events as slices below `folder`: numbered, one event for each occasion, sorted as in Histories.

    ids: of `user_id` and `item_id`.
    """
    numbered = reduce(partial(_with_positions, folder=folder.with_name(f"{folder.name}-ids")), ids.items(), events)
    slices = numbered.repartitionByRange(n_slices, "user").sortWithinPartitions("user", "item", "at_ms")
    weights = {int(kind): float(weight) for kind, weight in weight_by_kind.items()}
    occasions = slices.mapInArrow(partial(_merge_slice, weights), NUMBERED)
    occasions.write.mode("overwrite").parquet(str(folder))


def _with_positions(events: "DataFrame", column: tuple[str, IdMap], *, folder: Path) -> "DataFrame":
    """The events with the positions of one kind of ids: `user` or `item`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (name, ids), session = column, events.sparkSession
    folder.mkdir(parents=True, exist_ok=True)
    file, position = folder / f"{name}.parquet", name.removesuffix("_id")
    pq.write_table(pa.table({name: ids.texts.all(), position: np.arange(len(ids), dtype=np.int32)}), file)
    return events.join(session.read.parquet(str(file)), name)


def _merge_slice(
    weight_by_kind: Mapping[int, float], batches: "Iterable[pa.RecordBatch]"
) -> "Iterator[pa.RecordBatch]":
    """The lines of each occasion as one event, weighted; runs in a worker."""
    import pyarrow as pa

    parts = [batch for batch in batches if batch.num_rows]
    if parts:
        columns = merged_events(pa.Table.from_batches(parts), {Kind(kind): w for kind, w in weight_by_kind.items()})
        yield from pa.table({name: pa.array(column) for name, column in columns.items()}).to_batches(1_000_000)


def merged_events(table: "pa.Table", weight_by_kind: Mapping[Kind, float]) -> dict[str, AnyArray]:
    """The columns of NUMBERED from lines sorted by user, item, time; baskets are numbered within the table."""
    user, item, kind = (table[name].to_numpy() for name in ("user", "item", "kind"))
    at, quantity = table["at_ms"].to_numpy() / DAY_MS, table["quantity"].to_numpy()
    lines = EventLines(user, item, at, kind, _baskets(table), quantity)
    standing = merge_lines(lines)
    kept, is_summed = standing == np.arange(len(standing)), standing != MISSING
    weight = event_weights(kind, _numbers(table, "rating", np.nan), weight_by_kind)
    money = _numbers(table, "price", 0.0) * quantity
    value = np.bincount(standing[is_summed], money[is_summed], len(standing))
    columns = {"user": user, "item": item, "at": at, "weight": weight, "kind": kind, "basket": lines.basket}
    return {name: column[kept] for name, column in columns.items()} | {"value": value[kept].astype(np.float32)}


def _numbers(table: "pa.Table", name: str, missing: float) -> AnyArray:
    column: AnyArray = table[name].fill_null(missing).to_numpy()
    return column


def _baskets(table: "pa.Table") -> Ints:
    """As `Interactions.basket`: the same number for all lines of an order, or a negative one without an order id."""
    orders = table["order_id"].combine_chunks()
    code = orders.dictionary_encode().indices.fill_null(MISSING).to_numpy(zero_copy_only=False)
    is_order = code != MISSING
    key = np.stack((table["user"].to_numpy().astype(np.int64), np.where(is_order, code, table["at_ms"].to_numpy())))
    _, number = np.unique(np.concatenate((key, is_order[None].astype(np.int64))), axis=1, return_inverse=True)
    number = number.ravel().astype(np.int32)
    return np.where(is_order, number, -1 - number).astype(np.int32)


def read_numbered(folder: Path, *, n_users: int, n_items: int, now: float) -> EventColumns:
    """What `write_numbered` wrote; baskets are numbered over all slices."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables, first = [], 0
    for file in sorted(folder.glob("part-*.parquet")):
        table = pq.read_table(file)
        if table.num_rows:
            basket = table["basket"].to_numpy()
            tables.append(
                table.set_column(5, "basket", pa.array(basket + np.where(basket < 0, -first, first), pa.int32()))
            )
            first += int(np.abs(basket).max()) + 1
    whole = pa.concat_tables(tables)
    columns = {name: whole[name].to_numpy() for name in whole.column_names}
    offsets = np.searchsorted(columns["user"], np.arange(n_users + 1)).astype(np.int64)
    histories = Histories(
        offsets, columns["item"], columns["at"], columns["weight"], columns["kind"], n_items=n_items, now=now
    )
    return EventColumns(histories, columns["basket"], columns["value"])
