"""Dataset: the log as numbered customers and items with their interactions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from recsys.arrays import AnyArray, Doubles, Floats, Ints, Longs
from recsys.data.catalogue.catalogue import Catalogue, NeverShow, build_catalogue, is_hidden
from recsys.data.dataset.histories import sorted_histories
from recsys.data.dataset.influence import IS_VOUCHED, limit_influence
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.item_features import build_item_features
from recsys.data.dataset.occasions import EventLines, first_lines, merge_lines
from recsys.data.entities import Item
from recsys.data.events import BROWSER_PREFIX, Kind
from recsys.data.ids import MISSING, IdMap
from recsys.errors import NotEnoughData
from recsys.time_units import DAY_MS

OUTLIER_GAP_DAYS = 28.0
LATEST_PAID = 9  # occasions that make a price: a promotion of one day must not
IDS = ("user_id", "item_id", "order_id")
COLUMNS = ("user_id", "item_id", "kind", "at_ms", "quantity", "price", "order_id", "rating", "discount")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Numbered customers and items, and their interactions.

    unnumbered: events of items that the given numbering lacks, in order of time.
    """

    users: IdMap
    catalogue: Catalogue
    data: Interactions
    n_unvouched: int = 0  # events left out by `limit_influence`
    unnumbered: pl.DataFrame = field(default_factory=pl.DataFrame)


def build_dataset(
    events: pl.DataFrame,
    items: Collection[Item],
    *,
    now: float,
    weight_by_kind: Mapping[Kind, float],
    never_show: NeverShow,
    unvouched_share: float = 1.0,
    item_ids: IdMap | None = None,
) -> Dataset:
    """The dataset as of `now` (days since 1970), without later events, kinds of weight 0 and items never shown.

    unvouched_share: see `limit_influence`.  item_ids: the items and their numbers, where these are given.
    Else items are those with events and those in the catalogue.  Raises NotEnoughData when no event is left.
    """
    hidden = {item.item_id for item in items if is_hidden(item, never_show)}
    gone = hidden | {item.item_id for item in items if item.deleted}
    kinds = [int(kind) for kind, weight in weight_by_kind.items() if weight != 0]
    kept = _only(
        events, (pl.col("at_ms") <= now * DAY_MS) & pl.col("kind").is_in(kinds) & ~pl.col("item_id").is_in(list(hidden))
    )
    if kept.is_empty():
        raise NotEnoughData("the log holds no event to learn from; import some with `recsys import events FILE`")
    n_known, kept = len(kept), limit_influence(kept, weight_by_kind, unvouched_share, now=now)
    n_unvouched = n_known - len(kept)
    users = IdMap.from_ids(kept["user_id"].unique().to_list())
    if item_ids is None:
        described = [item.item_id for item in items if item.item_id not in gone]
        ids, unnumbered = IdMap.from_ids([*kept["item_id"].unique().to_list(), *described]), kept.clear()
    else:
        is_numbered = pl.col("item_id").is_in(item_ids.texts.all())
        ids, unnumbered, kept = (
            item_ids,
            kept.filter(~is_numbered).sort("at_ms", maintain_order=True),
            kept.filter(is_numbered),
        )
    catalogue = build_catalogue(ids, items, never_show, paid_prices(kept, ids))
    data = _interactions(kept, users, ids, now=now, weight_by_kind=weight_by_kind, category=catalogue.category.codes)
    if items:
        data = replace(data, item_features=build_item_features(items, ids.texts.all()))
    return Dataset(users, catalogue, data, n_unvouched, unnumbered)


def paid_prices(events: pl.DataFrame, ids: IdMap) -> Floats:
    """The price of each item: the median of its latest purchases, an occasion each.  (I,), NaN without any."""
    bought = events.filter((pl.col("kind") == int(Kind.PURCHASE)) & (pl.col("price") > 0))
    newest = first_lines(bought.sort("at_ms", "price", descending=True))
    last = newest.group_by("item_id").agg(pl.col("price").head(LATEST_PAID).median())
    prices = np.full(len(ids), np.nan, np.float32)
    prices[id_positions(last["item_id"], ids)] = last["price"].to_numpy()
    return prices


def event_weights(kind: AnyArray, rating: AnyArray, weight_by_kind: Mapping[Kind, float]) -> Floats:
    """Weight of each event: that of its kind, times the rating of a rating event.  (N,), (N,) -> (N,)"""
    table = np.zeros(max(Kind) + 1, np.float32)
    for name, weight in weight_by_kind.items():
        table[name] = weight
    stars = np.where(kind == Kind.RATING, np.nan_to_num(rating.astype(np.float64), nan=0.0), 1.0)
    return (table[kind] * stars).astype(np.float32)


def _interactions(
    events: pl.DataFrame,
    users: IdMap,
    items: IdMap,
    *,
    now: float,
    weight_by_kind: Mapping[Kind, float],
    category: Ints,
) -> Interactions:
    """The events of all customers, the lines of one occasion about one item as one event."""
    user, item = id_positions(events["user_id"], users), id_positions(events["item_id"], items)
    at, kind, quantity = events["at_ms"].to_numpy() / DAY_MS, events["kind"].to_numpy(), events["quantity"].to_numpy()
    basket = number_baskets(events)
    order = _by_customer_and_item(user, item, at, len(items))
    lines = EventLines(user[order], item[order], at[order], kind[order], basket[order], quantity[order])
    del user, item, at, basket, quantity  # of fifty million events they take gigabytes
    standing = merge_lines(lines)
    kept, is_summed = standing == np.arange(len(standing)), standing != MISSING
    weight = event_weights(kind, events["rating"].fill_null(np.nan).to_numpy(), weight_by_kind)
    histories = sorted_histories(
        user=lines.user[kept],
        item=lines.item[kept],
        at=lines.at[kept],
        weight=weight[order][kept],
        kind=lines.kind[kept],
        n_users=len(users),
        n_items=len(items),
        now=now,
    )
    money = (events["price"] * events["quantity"]).fill_null(0.0).to_numpy()[order]
    value = np.bincount(standing[is_summed], money[is_summed], len(standing))[kept]
    return Interactions(histories, lines.basket[kept], value.astype(np.float32), category)


def _only(events: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """The events that meet it; the same frame, without a copy, where all do."""
    is_kept = events.select(condition.alias("is_kept"))["is_kept"]
    return events if is_kept.all() else events.filter(is_kept)


def _by_customer_and_item(user: Ints, item: Ints, at: Doubles, n_items: int) -> Longs:
    """The order of the events by customer, item, time; a log that is written in order of time needs one sort.  (N,)"""
    pair = user.astype(np.int64) * n_items + item
    is_in_order = bool((at[1:] >= at[:-1]).all())
    return np.argsort(pair, kind="stable") if is_in_order else np.lexsort((at, pair))


def number_baskets(events: pl.DataFrame) -> Ints:
    """The same number for all events of an order, or a negative one of a customer at one time without.

    Numbers rise by customer, then order id; times come before orders.  (N,) int32
    """
    has_order = events["order_id"].is_not_null().to_numpy()
    place = np.empty(len(events), np.int64)  # of the order or the time among those of all customers
    moment = events["at_ms"].filter(events["order_id"].is_null()).rank("dense").to_numpy()
    place[~has_order] = moment
    place[has_order] = _ranks(events["order_id"].drop_nulls()) + int(moment.max(initial=0))
    key = _ranks(events["user_id"]) * (int(place.max(initial=0)) + 1) + place
    number = pl.Series(key).rank("dense").to_numpy().astype(np.int32)
    return np.where(has_order, number, -number)


def _ranks(column: pl.Series) -> Longs:
    """The rank of each text in UTF-8 order, from 1; equal ones share it.  (N,)"""
    coded = column.cast(pl.Categorical)
    known = coded.unique()
    return _looked_up(coded, known, known.cast(pl.String).rank("dense").to_numpy().astype(np.int64))


def id_positions(column: pl.Series, ids: IdMap) -> Ints:
    """Position of every id in the map, MISSING for an unknown one; texts or categories.  (N,) int32"""
    coded = column.cast(pl.Categorical)
    known = coded.unique()
    position = known.cast(pl.Enum(ids.texts.all()), strict=False).to_physical().cast(pl.Int32).fill_null(MISSING)
    return _looked_up(coded, known, position.to_numpy())


def _looked_up(coded: pl.Series, known: pl.Series, values: AnyArray) -> AnyArray:
    """The value of each row.  coded (N,): categories; known: each of them once, with its value."""
    number = known.to_physical().to_numpy()
    table: AnyArray = np.empty(int(number.max(initial=0)) + 1, values.dtype)
    table[number] = values
    rows: AnyArray = table[coded.to_physical().to_numpy()]
    return rows


def without_trailing_outliers(events: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The events, with times of trailing outliers set to the last time before them, and the number of those outliers.

    Example: old orders were imported, and there is one click of today.  The log then ends today, all orders have faded,
    and the last weeks hold one click.  So if weeks of silence precede the last hundredth, the log ends before them.
    """
    latest = np.sort(events["at_ms"].top_k(_n_tail(len(events))).to_numpy())
    end_ms = end_before_outliers(latest, len(events))
    if end_ms is None:
        return events, 0
    return events.with_columns(pl.col("at_ms").clip(upper_bound=end_ms)), int((latest > end_ms).sum())


def end_before_outliers(latest: Longs, n_events: int) -> int | None:
    """The last time before the trailing outliers of so many events, None without any.  latest: rising times."""
    tail = latest[-_n_tail(n_events) :]
    gaps = np.flatnonzero(np.diff(tail) > OUTLIER_GAP_DAYS * DAY_MS)
    return int(tail[gaps[0]]) if len(gaps) else None


def _n_tail(n_events: int) -> int:
    return 1 + n_events // 100


def read_events(frames: Iterable[pl.DataFrame], more: Sequence[str] = ()) -> pl.DataFrame:
    """One frame of the columns that learning needs, with ids as categories: 4 bytes each instead of some 30.

    more: further columns of text, such as channel.  Raises NotEnoughData for an empty log.
    """
    texts = (*IDS, *more)
    columns = [pl.col(name).cast(pl.Categorical) if name in texts else pl.col(name) for name in (*COLUMNS, *more)]
    is_vouched = ~pl.col("event_id").str.starts_with(BROWSER_PREFIX)
    parts = [frame.select(*columns, is_vouched.alias(IS_VOUCHED)) for frame in frames]
    if not parts:
        raise NotEnoughData("the log is empty; import events with `recsys import events FILE`")
    return pl.concat(parts)
