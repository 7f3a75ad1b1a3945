"""Bad releases, planted one by one: damaged files, and data that lost or gained what they should not.

A file is damaged before it is sealed, so that its digest is right and only what it says is wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from recsys.arrays import AnyArray
from recsys.bundle import Bundle, Manifest, write_bundle
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.events import Event, Kind
from recsys.testing import small_events
from recsys.time_units import DAY_MS

Arrays = Mapping[str, AnyArray]
Damage = Callable[[Arrays, Manifest], tuple[Arrays, Manifest]]
Fault = Callable[[Snapshot], Snapshot]


def daily_events(n_users: int, n_items: int, days: int) -> list[Event]:
    """The small shop, whose customers come on different days of the week."""
    events = small_events(n_users, n_items, days)
    moved = [event._replace(at_ms=event.at_ms - int(event.user_id[-1]) % 7 * DAY_MS) for event in events]
    return sorted(moved, key=lambda event: (event.at_ms, event.event_id))


def rewritten(bundle: Bundle, folder: Path, version: str, damage: Damage) -> Bundle:
    """A copy of the bundle under another name, sealed after the damage."""
    arrays, manifest = damage({name: np.array(bundle.array(name)) for name in bundle.names}, bundle.manifest)
    others = [name for name in bundle.manifest.files if not name.endswith(".npy") and manifest.index]

    def copy(directory: Path) -> None:
        for name in others:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes((bundle.path / name).read_bytes())

    manifest = manifest.model_copy(update={"version": version, "made_at_ms": manifest.made_at_ms + 1})
    return write_bundle(folder / version, arrays, manifest, copy, durable=False)


def same(arrays: Arrays, manifest: Manifest) -> tuple[Arrays, Manifest]:
    """Nothing is wrong but the name."""
    return arrays, manifest


def shuffled_item_ids(arrays: Arrays, manifest: Manifest) -> tuple[Arrays, Manifest]:
    """The ids of items in another order than everything that counts by their position."""
    offsets, blob = arrays["catalogue/ids/offsets"], arrays["catalogue/ids/blob"]
    ids = [bytes(blob[start:end]) for start, end in pairwise(offsets)]
    order = np.random.default_rng(1).permutation(len(ids))
    mixed = np.frombuffer(b"".join(ids[at] for at in order), np.uint8)
    starts = np.concatenate(([0], np.cumsum([len(ids[at]) for at in order]))).astype(offsets.dtype)
    return {**arrays, "catalogue/ids/offsets": starts, "catalogue/ids/blob": mixed}, manifest


def shuffled_histories(arrays: Arrays, manifest: Manifest) -> tuple[Arrays, Manifest]:
    """Everybody bought other items than the models and the catalogue mean by these numbers."""
    offsets, items = arrays["histories/offsets"], arrays["histories/item"]
    other = np.random.default_rng(1).permutation(manifest.sizes["items"]).astype(items.dtype)[items]
    customer = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((arrays["histories/at"], other, customer))  # as an opened release wants them
    columns = {f"histories/{name}": arrays[f"histories/{name}"][order] for name in ("at", "weight", "kind")}
    kept = {name: array for name, array in arrays.items() if not name.startswith("prepared/")}
    return {**kept, **columns, "histories/item": other[order]}, manifest


def shuffled_vectors(arrays: Arrays, manifest: Manifest) -> tuple[Arrays, Manifest]:
    """The vectors belong to other items than the catalogue says."""
    names = ("models/als/item_vectors", "models/als/item_length")
    order = np.random.default_rng(1).permutation(manifest.sizes["items"])
    mixed = {name: array for name, array in arrays.items() if not name.startswith(("prepared/", "index/"))}
    weights = {name: float(name == "als") for name in manifest.blend["weights"]}
    changes = {"blend": {**manifest.blend, "weights": weights}, "index": {}}
    return {**mixed, **{name: arrays[name][order] for name in names}}, manifest.model_copy(update=changes)


def shuffled_customers(arrays: Arrays, manifest: Manifest) -> tuple[Arrays, Manifest]:
    """Everybody has the history of the next customer."""
    offsets = arrays["histories/offsets"]
    parts = [slice(int(start), int(end)) for start, end in pairwise(offsets)]
    turned = [*parts[1:], parts[0]]
    moved = {
        name: np.concatenate([arrays[name][part] for part in turned])
        for name in ("histories/item", "histories/at", "histories/weight", "histories/kind")
    }
    moved["histories/offsets"] = np.concatenate(([0], np.cumsum([part.stop - part.start for part in turned])))
    kept = {name: array for name, array in arrays.items() if not name.startswith("prepared/")}
    return {**kept, **moved}, manifest


def popularity_alone(arrays: Arrays, manifest: Manifest) -> tuple[Arrays, Manifest]:
    """Everybody gets the best-sellers."""
    models = {"popularity": manifest.models["popularity"]}
    blend = {**manifest.blend, "weights": {"popularity": 1.0}, "chances": []}
    kept = {
        name: array
        for name, array in arrays.items()
        if not name.startswith(("prepared/", "chances/", "models/", "index/")) or name.startswith("models/popularity/")
    }
    return kept, manifest.model_copy(update={"models": models, "blend": blend, "index": {}, "fold_in": {}})


def not_a_number(arrays: Arrays, manifest: Manifest) -> tuple[Arrays, Manifest]:
    """One vector is NaN."""
    vectors = arrays["models/als/item_vectors"].copy()
    vectors[3] = np.nan
    return {**arrays, "models/als/item_vectors": vectors}, manifest


def swapped_axes(arrays: Arrays, manifest: Manifest) -> tuple[Arrays, Manifest]:
    """Factors stand where items should."""
    return {**arrays, "models/als/item_vectors": arrays["models/als/item_vectors"].T.copy()}, manifest


DAMAGES: dict[str, Damage] = {
    "shuffled ids": shuffled_item_ids,
    "shuffled histories": shuffled_histories,
    "shuffled vectors": shuffled_vectors,
    "shuffled customers": shuffled_customers,
    "popularity alone": popularity_alone,
    "NaN": not_a_number,
    "swapped axes": swapped_axes,
}


def half_the_items(snapshot: Snapshot) -> Snapshot:
    """Every second item is missing, with its events."""
    kept = {item.item_id for item in snapshot.items[::2]}
    items = [item for item in snapshot.items if item.item_id in kept]
    return replace(snapshot, items=items, events=snapshot.events.filter(pl.col("item_id").is_in(kept)))


def old_data(snapshot: Snapshot) -> Snapshot:
    """The last three weeks are missing."""
    last_ms = round((snapshot.last_at - 21) * DAY_MS)
    return replace(snapshot, events=snapshot.events.filter(pl.col("at_ms") < last_ms))


def half_the_events(snapshot: Snapshot) -> Snapshot:
    """Every second line of the import is missing."""
    return replace(snapshot, events=snapshot.events.gather_every(2))


def prices_in_cents(snapshot: Snapshot) -> Snapshot:
    """A shop system that says cents now."""
    items = [replace(item, price=item.price and item.price * 100) for item in snapshot.items]
    return replace(snapshot, items=items, events=snapshot.events.with_columns(pl.col("price") * 100))


def one_item_100_000_times(snapshot: Snapshot) -> Snapshot:
    """A robot that buys one item all night."""
    n, item_id = 100_000, snapshot.events["item_id"][0]
    at_ms = round(snapshot.last_at * DAY_MS) - np.arange(n)
    columns = {
        "user_id": ["robot"] * n,
        "item_id": [item_id] * n,
        "kind": np.full(n, int(Kind.PURCHASE)),
        "at_ms": at_ms,
        "quantity": np.ones(n),
        "order_id": [f"robot-{number}" for number in range(n)],
    }
    robot = pl.DataFrame(columns).cast({name: snapshot.events.schema[name] for name in columns})
    return replace(snapshot, events=pl.concat([snapshot.events, robot], how="diagonal").sort("at_ms"))


FAULTS: dict[str, Fault] = {
    "half the items": half_the_items,
    "old data": old_data,
    "half the events": half_the_events,
    "prices in cents": prices_in_cents,
    "a robot": one_item_100_000_times,
}
