"""Population of all figures of customers: who refused personalisation, and items that are never shown, do not count."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.config import CatalogueSettings
from recsys.data.catalogue.catalogue import NeverShow, build_never_show, is_hidden
from recsys.data.entities import Item, User
from recsys.data.store.base import Store

if TYPE_CHECKING:
    import polars as pl

MIN_GROUP = 20  # customers: of smaller groups nothing is said


@dataclass(frozen=True, slots=True)
class Population:
    """What those who count did, in order of `seq`, with the shop's items; log_seq: up to where the log was read."""

    events: "pl.DataFrame"
    items: Sequence[Item]
    log_seq: int


def read_population(store: Store, file: Path | None) -> Population:
    """Everything in the log that counts, by the settings of the file.  Raises NotEnoughData, LogUnavailable."""
    from recsys.data.dataset.dataset import read_events, without_trailing_outliers

    log_seq = store.head()
    events, _ = without_trailing_outliers(read_events(store.scan(until_seq=log_seq), ("channel",)))
    items, never_show = list(store.items_since(0)), build_never_show(CatalogueSettings.load(file).never_show)
    return Population(counted_events(events, items, list(store.users()), never_show), items, log_seq)


def counted_events(
    events: "pl.DataFrame", items: Collection[Item], users: Collection[User], never_show: NeverShow
) -> "pl.DataFrame":
    """The events that say who the customers are: without hidden items, and without customers who refuse it."""
    import polars as pl

    hidden = [item.item_id for item in items if is_hidden(item, never_show)]
    refusing = [user.user_id for user in users if not user.is_personal]
    return events.filter(~pl.col("item_id").is_in(hidden) & ~pl.col("user_id").is_in(refusing))
