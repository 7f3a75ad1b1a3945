"""Snapshot of a store: events, items and customers at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from recsys.data.dataset.dataset import read_events, without_trailing_outliers
from recsys.data.entities import Item, User
from recsys.data.store.base import Store
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The log and the catalogue at one moment, read once."""

    events: pl.DataFrame
    items: list[Item]
    log_seq: int
    item_revision: int
    n_trailing_outliers: int = 0  # events long after all others, see data.shop.without_trailing_outliers
    users: Sequence[User] = ()
    newcomers: Mapping[str, float] = field(default_factory=dict)  # since when, in days since 1970

    @property
    def last_at(self) -> float:
        """When the last event happened, in days since 1970."""
        return float(self.events.select(pl.col("at_ms").max()).item()) / DAY_MS


def read_snapshot(store: Store) -> Snapshot:
    """Everything up to now; what is written while reading waits for the next training."""
    log_seq, item_revision = store.head(), store.item_revision()
    events, n_trailing_outliers = without_trailing_outliers(read_events(store.scan(until_seq=log_seq)))
    items, users = list(store.items_since(0)), list(store.users())
    return Snapshot(events, items, log_seq, item_revision, n_trailing_outliers, users)
