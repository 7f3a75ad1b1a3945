"""Segments of customers, evaluated apart: a good average may hide that some are served well and others badly."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from eval.backtest.records import Records, attribute_labels
from eval.protocol import BANDS
from recsys.arrays import AnyArray, Bools
from recsys.data.dataset.occasions import first_lines, occasion_expression
from recsys.data.events import OWNED_KINDS
from recsys.time_units import DAY_MS

SegmentLabels = Sequence[str | None]  # (Q,): the segment of each customer, None for none

MOST_GROUPS = 8  # of one property, the largest; the others are one group
OTHERS = "all others"
NEW_DAYS = 28.0
ACTIVITY = ("lightest 10 %", "light", "medium", "heavy")
THIRDS = {
    "recency": ("away longest", "away for a while", "bought lately"),
    "frequency": ("seldom", "now and then", "often"),
    "value": ("small spenders", "middle spenders", "big spenders"),
}
STANDING_ENDS = (1, 4)  # the sum of the three thirds, 0 to 6, up to which the standing is lowest, middle
STANDING = ("lowest standing", "middle standing", "highest standing")
MEANING = {
    "activity": "by purchases before the cut: the lightest tenth, and three equal parts of the rest",
    "recency": "by the last purchase, in thirds",
    "frequency": "by orders, in thirds",
    "value": "by money spent, in thirds",
    "recency, frequency, value": "by the sum of those three thirds",
    "new or returning": f"first purchase within {NEW_DAYS:g} days before the cut, or earlier",
    "top category": "by what each bought most of",
    "channel": "where each was on most days",
}


def build_segments(
    records: Records, user_ids: Sequence[str], now: float, attribute: str | None
) -> dict[str, SegmentLabels]:
    """The segment of each of Q customers by each property, from the records at the cut `now` (days since 1970)."""
    known = _history_facts(records, user_ids)
    activity = _rank_parts(known["purchases"].to_numpy(), BANDS)
    segments: dict[str, SegmentLabels] = {"activity": _named(activity, ACTIVITY)}
    columns = {"recency": "last_ms", "frequency": "orders", "value": "money"}
    thirds = {name: _rank_parts(known[column].to_numpy(), (1 / 3, 2 / 3)) for name, column in columns.items()}
    segments |= {name: _named(thirds[name], THIRDS[name]) for name in thirds}
    standing = np.searchsorted(STANDING_ENDS, np.sum(list(thirds.values()), axis=0), side="left")
    segments["recency, frequency, value"] = _named(standing, STANDING)
    is_new = known["first_ms"].to_numpy() >= (now - NEW_DAYS) * DAY_MS
    segments["new or returning"] = ["new" if new else "returning" for new in is_new]
    segments["top category"] = _top_categories(records, user_ids)
    if records.visits.height:
        days = records.visits.select("user_id", pl.col("at_ms") // DAY_MS, label="channel").unique()
        segments["channel"] = _most_frequent(days, user_ids)
    if attribute is not None:
        labels = attribute_labels(records.users, attribute)
        segments[f"customer's {attribute}"] = [labels.get(user_id) for user_id in user_ids]
    return segments


def largest_groups(windows: Sequence[SegmentLabels]) -> dict[str, list[Bools]]:
    """The members of each group, by window: the largest groups by name, and all others together.

    A customer without a label is in no group.
    """
    every = [label for labels in windows for label in labels if label is not None]
    names, counts = np.unique(np.array(every, object).astype(str), return_counts=True)
    largest = names[np.lexsort((names, -counts))][:MOST_GROUPS].tolist()
    in_order = [name for name in _ORDER if name in largest] or largest
    parts = [np.array([label if label is not None else "" for label in labels], object) for labels in windows]
    groups = {name: [part == name for part in parts] for name in in_order}
    if len(names) > MOST_GROUPS:
        groups[OTHERS] = [(part != "") & ~np.isin(part.astype(str), largest) for part in parts]
    return groups


_ORDER = (*ACTIVITY, *(name for names in THIRDS.values() for name in names), *STANDING, "new", "returning")


def _purchases(records: Records, user_ids: Sequence[str]) -> pl.DataFrame:
    """What these customers bought or rated, with ids as texts."""
    kinds = [int(kind) for kind in OWNED_KINDS]
    rows = records.snapshot.events.filter(pl.col("user_id").is_in(list(user_ids)), pl.col("kind").is_in(kinds))
    return rows.with_columns(pl.col("user_id", "item_id").cast(pl.String))


def _history_facts(records: Records, user_ids: Sequence[str]) -> pl.DataFrame:
    """Of each customer before the cut: purchases, orders, money, first_ms, last_ms; 0 where there are none.  Q rows."""
    money, at_ms = (pl.col("price") * pl.col("quantity")).fill_null(0.0), pl.col("at_ms")
    facts = (
        _purchases(records, user_ids)
        .group_by("user_id", "item_id", occasion_expression().alias("occasion"))
        .agg(money.sum().alias("money"), at_ms.min().alias("first_ms"), at_ms.max().alias("last_ms"))
        .group_by("user_id")
        .agg(
            pl.len().alias("purchases"),
            pl.col("occasion").n_unique().alias("orders"),
            pl.col("money").sum(),
            pl.col("first_ms").min(),
            pl.col("last_ms").max(),
        )
    )
    return _user_frame(user_ids).join(facts, on="user_id", how="left", maintain_order="left").fill_null(0)


def _top_categories(records: Records, user_ids: Sequence[str]) -> SegmentLabels:
    items = records.snapshot.items
    categories = pl.DataFrame(
        {"item_id": [item.item_id for item in items], "label": [item.category for item in items]},
        schema={"item_id": pl.String, "label": pl.String},
    )
    bought = first_lines(_purchases(records, user_ids)).select("user_id", "item_id")
    return _most_frequent(bought.join(categories, on="item_id").drop("item_id").drop_nulls(), user_ids)


def _most_frequent(rows: pl.DataFrame, user_ids: Sequence[str]) -> SegmentLabels:
    """The label each customer has most often; of equally frequent ones the first by the alphabet."""
    counted = rows.group_by("user_id", "label").len().sort(["user_id", "len", "label"], descending=[False, True, False])
    first = counted.unique("user_id", keep="first", maintain_order=True)
    joined = _user_frame(user_ids).join(first, on="user_id", how="left", maintain_order="left")
    return joined["label"].to_list()


def _user_frame(user_ids: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({"user_id": list(user_ids)}, schema={"user_id": pl.String})


def _rank_parts(values: AnyArray, shares: Sequence[float]) -> AnyArray:
    """The part of each value by its rank, from 0.  Ties are in one part: the lowest that any of them belongs to."""
    share_below = np.searchsorted(np.sort(values), values, side="left") / max(len(values), 1)
    return np.searchsorted(np.asarray(shares), share_below, side="right")


def _named(parts: AnyArray, names: Sequence[str]) -> SegmentLabels:
    return [names[part] for part in parts]


def notes_on_segments(segments: Mapping[str, Sequence[SegmentLabels]]) -> list[str]:
    """Properties that no customer has.  segments: by property, then by window."""
    empty = [name for name, windows in segments.items() if all(label is None for labels in windows for label in labels)]
    return [f"No customer has a {name}: that slice is left out." for name in empty]
