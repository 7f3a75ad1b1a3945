"""Dataset: the log as numbered customers and items with their interactions."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from recsys.arrays import AnyArray, Floats, Ints
from recsys.data.catalogue.catalogue import Catalogue, NeverShow, build_catalogue, is_hidden
from recsys.data.dataset.histories import build_histories
from recsys.data.dataset.influence import IS_VOUCHED, limit_influence
from recsys.data.dataset.interactions import Interactions
from recsys.data.dataset.item_features import build_item_features
from recsys.data.dataset.occasions import EventLines, merge_lines
from recsys.data.entities import Item
from recsys.data.events import BROWSER_PREFIX, Kind
from recsys.data.ids import MISSING, IdMap
from recsys.errors import NotEnoughData
from recsys.time_units import DAY_MS

OUTLIER_GAP_DAYS = 28.0
LATEST_PAID = 9  # purchases that make a price: a promotion of one day must not
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
    kept = events.filter(
        (pl.col("at_ms") <= now * DAY_MS) & pl.col("kind").is_in(kinds) & ~pl.col("item_id").is_in(list(hidden))
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
    """The price of each item: the median of its latest purchases.  (I,), NaN without any."""
    bought = events.filter((pl.col("kind") == int(Kind.PURCHASE)) & (pl.col("price") > 0)).sort("at_ms", "price")
    last = bought.group_by("item_id").agg(pl.col("price").tail(LATEST_PAID).median())
    prices = np.full(len(ids), np.nan, np.float32)
    prices[_codes(last["item_id"], ids)] = last["price"].to_numpy()
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
    user, item = _codes(events["user_id"], users), _codes(events["item_id"], items)
    at, kind, quantity = events["at_ms"].to_numpy() / DAY_MS, events["kind"].to_numpy(), events["quantity"].to_numpy()
    order = np.lexsort((at, item, user))
    basket = number_baskets(events)
    lines = EventLines(user[order], item[order], at[order], kind[order], basket[order], quantity[order])
    standing = merge_lines(lines)
    kept, is_summed = standing == np.arange(len(standing)), standing != MISSING
    weight = event_weights(kind, events["rating"].fill_null(np.nan).to_numpy(), weight_by_kind)
    histories = build_histories(
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


def number_baskets(events: pl.DataFrame) -> Ints:
    """The same number for all events of an order, or a negative one of a customer at one time without.  (N,) int32"""
    key = pl.struct(
        "user_id", "order_id", pl.when(pl.col("order_id").is_null()).then(pl.col("at_ms")).otherwise(0).alias("at")
    )
    number = key.rank("dense").cast(pl.Int32)
    return events.select(pl.when(pl.col("order_id").is_null()).then(-number).otherwise(number).alias("basket"))[
        "basket"
    ].to_numpy()


def _codes(column: pl.Series, ids: IdMap) -> Ints:
    """Position of every id in the map; both sort by UTF-8 bytes, so the rank is the position."""
    return column.cast(pl.Enum(ids.texts.all())).to_physical().to_numpy().astype(np.int32)


def without_trailing_outliers(events: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The events, with times of trailing outliers set to the last time before them, and the number of those outliers.

    Example: old orders were imported, and there is one click of today.  The log then ends today, all orders have faded,
    and the last weeks hold one click.  So if weeks of silence precede the last hundredth, the log ends before them.
    """
    at_ms = np.sort(events["at_ms"].to_numpy())
    tail = at_ms[len(at_ms) - 1 - len(at_ms) // 100 :]
    gaps = np.flatnonzero(np.diff(tail) > OUTLIER_GAP_DAYS * DAY_MS)
    if not len(gaps):
        return events, 0
    end_ms = int(tail[gaps[0]])
    return events.with_columns(pl.col("at_ms").clip(upper_bound=end_ms)), len(tail) - 1 - int(gaps[0])


def read_events(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One frame of the columns that learning needs.  Raises NotEnoughData for an empty log."""
    is_vouched = ~pl.col("event_id").str.starts_with(BROWSER_PREFIX)
    parts = [frame.select(*COLUMNS, is_vouched.alias(IS_VOUCHED)) for frame in frames]
    if not parts:
        raise NotEnoughData("the log is empty; import events with `recsys import events FILE`")
    return pl.concat(parts)
