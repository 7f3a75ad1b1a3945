"""A shop that grows by customers and items from day to day, and what its systems deliver each night."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from recsys.data.entities import Item
from recsys.data.events import Event, Kind
from recsys.testing import NOW, small_items
from recsys.time_units import DAY_MS, HOUR_MS

FIRST_DAY = round(NOW)  # 2017-11-30: the year has both changes of the clock
HISTORY_DAYS = 90
OPENS, CLOSES = 8 * HOUR_MS, 20 * HOUR_MS
ORDER_EVERY_DAYS = 3
DAYS_OF_A_TASTE = 120


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the shop exports after a day.  late: events of that day that come with the next delivery.

    is_lost: the file is not there.  is_garbled: nobody can read its times.  erased: customers to erase next morning.
    """

    events: Sequence[Event]
    items: Sequence[Item]
    late: Sequence[Event] = ()
    is_lost: bool = False
    is_garbled: bool = False
    erased: Sequence[str] = field(default=())


def delivery_of(day: int) -> Delivery:
    """A day without fault; days count from the first night, the history has negative ones."""
    return Delivery(orders_of(day), items_of(day))


def items_of(day: int) -> list[Item]:
    """24 items in the beginning, and a new one every fifteen days."""
    return [Item(i.item_id, i.name, i.category, i.brand, i.price, stock=100) for i in small_items(n_items(day))]


def n_items(day: int) -> int:
    return 24 + max(0, day) // 15


def n_customers(day: int) -> int:
    """60 in the beginning, and a new one every sixth day."""
    return 60 + max(0, day) // 6


def orders_of(day: int) -> list[Event]:
    """A third of the customers orders: two favourites, which change thrice a year, and two other items of a camp."""
    buyers = (user for user in range(n_customers(day)) if (7 * user + day) % ORDER_EVERY_DAYS == 0)
    events = [event for user in buyers for event in _order(user, day)]
    return sorted(events, key=lambda event: (event.at_ms, event.event_id))


def _order(user: int, day: int) -> list[Event]:
    rng = np.random.default_rng((user, day + HISTORY_DAYS))
    camp = np.arange(user % 2, n_items(day), 2)
    taste = np.random.default_rng((user, (day + HISTORY_DAYS + 7 * user) // DAYS_OF_A_TASTE))
    others = rng.choice(camp, 4, replace=False)
    favourites = taste.permutation(camp[:12])[:2]
    chosen = list(dict.fromkeys([*favourites, *others]))[:4]
    at_ms = (FIRST_DAY + day) * DAY_MS + int(rng.integers(OPENS, CLOSES))
    order, user_id = f"order-{user}-{day}", f"user-{user:03}"
    bought = [
        Event(f"{order}-{item}", user_id, f"item-{item:03}", Kind.PURCHASE, at_ms, 1.0, float(1 + item), order)
        for item in chosen
    ]
    return [Event(f"{order}-view", user_id, bought[0].item_id, Kind.VIEW, at_ms - 60_000), *bought]


def write_events(events: Sequence[Event], file: Path, *, is_garbled: bool = False) -> None:
    """As CSV.  is_garbled: the column of times holds something else."""
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["event_id", "user_id", "item_id", "kind", "at", "quantity", "price", "order_id"])
        for each in events:
            at = "#NAME?" if is_garbled else each.at_ms
            kind = Kind(each.kind).name.lower()
            rows.writerow(
                [each.event_id, each.user_id, each.item_id, kind, at, each.quantity, each.price, each.order_id]
            )


def write_items(items: Sequence[Item], file: Path) -> None:
    """As CSV."""
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["item_id", "name", "category", "brand", "price", "stock"])
        rows.writerows([i.item_id, i.name, i.category, i.brand, i.price, i.stock] for i in items)
