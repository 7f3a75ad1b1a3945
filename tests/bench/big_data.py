"""Made-up shops of any size: skewed items, customers with favourites, orders over two years, written chunk by chunk."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import numpy as np
import polars as pl

from recsys.arrays import AnyArray
from recsys.data.entities import Item
from recsys.data.events import KIND_BY_NAME, Kind
from recsys.data.store.sqlite import SqliteStore

DAYS, FIRST_MS, DAY_MS = 730.0, 1_577_836_800_000, 86_400_000  # two years from 2020 on
EVENTS_PER_CUSTOMER, EVENTS_PER_ITEM, MOST_ITEMS = 40, 100, 200_000
LINES_PER_ORDER = 4.0
FAVOURITES, FAVOURED, OF_OWN_TASTE = 24, 0.4, 0.4  # favourites of a customer; shares of lines
TASTES = 200  # also the categories of items
SKEW = 3.0  # chance of the item at rank r: r ** (1 / SKEW - 1)
IDLEST = 0.05  # the most active customer comes 1 / IDLEST times as often as the mean
VIEWED = 0.2  # share of the orders that are only looked at
CHUNK_EVENTS = 500_000
INSERT = (
    "INSERT INTO events(seq, event_id, user_id, item_id, kind, at_ms, quantity, price, order_id) "
    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
INDEXES = """
INSERT INTO event_ids SELECT event_id, seq FROM events ORDER BY event_id;
INSERT INTO events_of_user SELECT user_id, seq FROM events ORDER BY user_id, seq
"""


def sizes(n_events: int, per_item: int = EVENTS_PER_ITEM) -> tuple[int, int]:
    """Customers and items of a shop with so many events."""
    return max(50, n_events // EVENTS_PER_CUSTOMER), max(TASTES, min(MOST_ITEMS, n_events // per_item))


def event_chunks(n_events: int, seed: int = 0, per_item: int = EVENTS_PER_ITEM) -> Iterator[pl.DataFrame]:
    """The events in order of time, with columns as a shop's export has them; memory does not grow with n_events."""
    rng, done = np.random.default_rng(seed), 0
    while done < n_events:
        n = min(CHUNK_EVENTS, n_events - done)
        yield _chunk(rng, n, n_events, done, sizes(n_events, per_item))
        done += n


def item_frame(n_events: int) -> pl.DataFrame:
    """The catalogue: name, category and price of each item."""
    item = np.arange(sizes(n_events)[1])
    return pl.DataFrame({"item_id": _ids("item", item)}).with_columns(
        pl.concat_str(pl.lit("Item "), pl.Series(item)).alias("name"),
        pl.concat_str(pl.lit("category "), pl.Series(item % TASTES)).alias("category"),
        pl.Series("price", _prices(item)),
    )


def write_csv(path: Path, n_events: int, seed: int = 0, per_item: int = EVENTS_PER_ITEM) -> None:
    """The events as one CSV file."""
    with path.open("wb") as file:
        for at, chunk in enumerate(event_chunks(n_events, seed, per_item)):
            chunk.write_csv(file, include_header=at == 0)


def fill_store(home: Path, n_events: int, seed: int = 0) -> None:
    """The shop as the database of a new home, without the import: rows in the order in which the file stores them."""
    home.mkdir(parents=True)
    with closing(SqliteStore(home / "shop.db")) as store:
        for part in item_frame(n_events).iter_slices(10_000):
            store.put_items([Item(row[0], row[1], row[2], price=row[3]) for row in part.iter_rows()])
    connection = apsw.Connection(str(home / "shop.db"))
    connection.execute("PRAGMA synchronous=OFF; PRAGMA cache_size=-64000; BEGIN")
    done = 0
    for chunk in event_chunks(n_events, seed):
        connection.executemany(INSERT, _stored(chunk, done).iter_rows())
        done += len(chunk)
    connection.execute(f"{INDEXES}; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def _stored(chunk: pl.DataFrame, done: int) -> pl.DataFrame:
    seq = pl.int_range(done + 1, done + len(chunk) + 1, eager=True)
    return chunk.select(
        seq.alias("seq"),
        pl.concat_str(pl.lit("made/"), seq.cast(pl.String).str.zfill(12)).alias("event_id"),
        "user_id",
        "item_id",
        pl.col("kind").replace_strict([*KIND_BY_NAME], [*KIND_BY_NAME.values()], return_dtype=pl.Int8),
        pl.col("at") * 1000,
        pl.col("quantity").cast(pl.Float64),
        "price",
        "order_id",
    )


def _chunk(rng: np.random.Generator, n: int, n_events: int, done: int, shop: tuple[int, int]) -> pl.DataFrame:
    n_users, n_items = shop
    order = np.repeat(np.arange(n), rng.geometric(1 / LINES_PER_ORDER, n))[:n]
    n_orders = int(order[-1]) + 1
    visitor = rng.random(n_orders)
    user = (n_users * visitor * (IDLEST + (1 - IDLEST) * visitor)).astype(np.int64)[order]
    is_view = (rng.random(n_orders) < VIEWED)[order]
    start, end = (FIRST_MS + DAYS * DAY_MS * at / n_events for at in (done, done + n))
    at_ms = np.sort(rng.uniform(start, end, n_orders)).astype(np.int64)[order]
    item = _items(rng, user, n_items)
    return pl.DataFrame({"user_id": _ids("customer", user), "item_id": _ids("item", item)}).with_columns(
        pl.Series("kind", is_view).replace_strict(
            [False, True], [Kind.PURCHASE.name.lower(), Kind.VIEW.name.lower()], return_dtype=pl.String
        ),
        pl.Series("at", at_ms // 1000),
        pl.Series("quantity", 1 + (rng.random(n) < 0.1)),
        pl.Series("price", _prices(item)),
        pl.when(pl.Series(~is_view)).then(_ids("o", done + order)).alias("order_id"),
    )


def _items(rng: np.random.Generator, user: AnyArray, n_items: int) -> AnyArray:
    """An own favourite, else one of the own taste, else any.  (N,) -> (N,)"""
    n, share = len(user), rng.random(len(user))
    slot = (FAVOURITES * rng.random(n) ** 2).astype(np.int64)
    favourite = _unit(user * FAVOURITES + slot)
    is_own = (share < FAVOURED + OF_OWN_TASTE) & (share >= 0.1)  # a tenth of all lines is whatever everybody buys
    rank = np.where(share < FAVOURED, favourite, rng.random(n)) ** SKEW
    taste = (_unit(user + 7) * TASTES).astype(np.int64)
    n_of_taste = n_items // TASTES
    own = taste + TASTES * (rank * n_of_taste).astype(np.int64)
    return np.where(is_own, own, (rank * n_items).astype(np.int64))


def _unit(number: AnyArray) -> AnyArray:
    """A fixed number in [0, 1) for each whole number."""
    mixed = (number.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2**53


def _prices(item: AnyArray) -> AnyArray:
    return np.round(1 + 20 * _unit(item) ** 2, 2)


def _ids(prefix: str, number: AnyArray) -> pl.Series:
    return pl.Series(number).cast(pl.String).str.zfill(8).str.replace("^", f"{prefix}-")
