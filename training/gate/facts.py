"""Facts of a release that later ones are compared with: counts, shares and the level of prices."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from recsys.bundle import Manifest
from recsys.data.dataset.occasions import first_lines
from recsys.data.events import Kind

Facts = Mapping[str, float]


def manifest_facts(manifest: Manifest) -> dict[str, float]:
    """customers, items, events; days from the first event to the last; repeat_share and how many customers it is of."""
    return {
        "customers": float(manifest.sizes["users"]),
        "items": float(manifest.sizes["items"]),
        "events": float(manifest.sizes["events"]),
        "days": float(manifest.window["until"]) - float(manifest.window["from"]),
        "repeat_share": float(manifest.blend["repeat_share"]),
        "judges": float(manifest.blend["judges"]),
        "bytes": float(sum(checksum.bytes for checksum in manifest.files.values())),
    }


def log_facts(events: pl.DataFrame) -> dict[str, float]:
    """The largest part of the log that one customer has, and that one item has; the median price paid.

    An item of an order counts once, in however many lines.
    """
    counted = first_lines(events)
    facts = {
        "top_user": _largest_share(first_lines(events, orders_only=True)["user_id"]),
        "top_item": _largest_share(counted["item_id"]),
    }
    paid = counted.filter((pl.col("kind") == int(Kind.PURCHASE)) & (pl.col("price") > 0))["price"].median()
    return facts | ({"paid": float(paid)} if isinstance(paid, int | float) else {})


def _largest_share(ids: pl.Series) -> float:
    counts = ids.value_counts()["count"].to_numpy()
    return float(counts.max() / np.maximum(counts.sum(), 1)) if len(counts) else 0.0
