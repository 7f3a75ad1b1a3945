"""Snapshot of a store: events, items and customers at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from recsys.data.dataset.dataset import read_events, without_trailing_outliers
from recsys.data.entities import Item, User
from recsys.data.facts import Fact
from recsys.data.lineage import Watermark
from recsys.data.store.base import Store
from recsys.time_units import DAY_MS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The log, the catalogue and the customers at one moment."""

    events: pl.DataFrame
    items: list[Item]
    log_seq: int
    item_revision: int
    n_trailing_outliers: int = 0  # events long after all others, see without_trailing_outliers
    users: Sequence[User] = ()
    recommendations: Sequence[Fact] = ()  # see `FactStore.recommendation_facts`
    newcomers: Mapping[str, float] = field(default_factory=dict)  # first day of each new item, since 1970
    log_id: str = ""
    data_digest: str = ""  # of all that is learnt from it, with the settings

    @property
    def watermark(self) -> Watermark:
        """Up to where the log was read."""
        return Watermark(self.log_id, self.log_seq, self.item_revision)

    @property
    def last_at(self) -> float:
        """Time of the last event, in days since 1970."""
        return float(self.events.select(pl.col("at_ms").max()).item()) / DAY_MS


def read_snapshot(store: Store) -> Snapshot:
    """Everything up to now; what is written meanwhile waits for the next training."""
    head = store.lineage().head
    events, n_trailing_outliers = without_trailing_outliers(read_events(store.scan(until_seq=head.seq), ("channel",)))
    items, users, facts = list(store.items_since(0)), list(store.users()), store.recommendation_facts()
    return Snapshot(events, items, head.seq, head.revision, n_trailing_outliers, users, facts, log_id=head.log_id)
