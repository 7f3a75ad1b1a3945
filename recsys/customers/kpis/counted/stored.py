"""Counted rows of a release: files below `key_figures/`, from training and refresh, that reports begin with."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

from recsys.bundle import Bundle
from recsys.customers.kpis.counted.rows import CountedRows, count_rows
from recsys.customers.population import Population, counted_events
from recsys.data.catalogue.catalogue import NeverShow, is_hidden
from recsys.data.entities import Item
from recsys.errors import NotEnoughData

if TYPE_CHECKING:
    import polars as pl

    from recsys.data.dataset.snapshot import Snapshot

FOLDER = "key_figures"
PARTS: Mapping[str, str] = {
    "customers": "a row per customer, in the order of ids: `user_id`, `first_ms` and `last_ms` of the events",
    "postings": "purchases and returns by order and moment: `customer` (row above), `order`, `at_ms`, `money`, "
    "`discount`, `margin`, `n_lines`, `n_items`",
    "lines": "purchases by `customer`, `category` and `day` (since 1970): `units`, and `money` before discounts",
    "steps": "steps of the funnel, each once: `customer`, `step` (0 view, 1 cart, 2 purchase), `channel`, `day`",
    "items": "what the rows take from the catalogue: `item_id`, `category`, `cost`, `is_hidden`",
}


class LogNote(NamedTuple):
    """What else the rows stand for: events of the log, and the last of them; trailing ones whose time was set back."""

    n_events: int
    last_ms: int
    n_outliers: int
    never_show: dict[str, list[str]]


class ReleaseRows(NamedTuple):
    """The rows of a release, and what they came from.  items: see PARTS."""

    rows: CountedRows
    note: LogNote
    items: "pl.DataFrame"


def write_rows(directory: Path, snapshot: "Snapshot", never_show: NeverShow) -> None:
    """Writes the files into the folder of a release that is being made; none where no customer counts."""
    events = counted_events(snapshot.events, snapshot.items, snapshot.users, never_show)
    try:
        rows = count_rows(Population(events, snapshot.items, snapshot.log_seq))
    except NotEnoughData:
        return
    folder = directory / FOLDER
    folder.mkdir()
    for name, part in {**rows.parts(), "items": item_frame(snapshot.items, never_show)}.items():
        part.write_parquet(folder / f"{name}.parquet")
    last_ms, n = snapshot.events["at_ms"].max(), len(snapshot.events)
    note = LogNote(n, last_ms, snapshot.n_trailing_outliers, sorted_never_show(never_show))  # type: ignore[arg-type]
    (folder / "about.json").write_bytes(orjson.dumps(note._asdict()))


def open_rows(bundle: Bundle) -> ReleaseRows | None:
    """The rows of a release; None for one without them, such as an older one."""
    import polars as pl

    if f"{FOLDER}/about.json" not in bundle.manifest.files:
        return None
    parts = {name: pl.read_parquet(bundle.file(f"{FOLDER}/{name}.parquet")) for name in PARTS}
    note = LogNote(**orjson.loads(bundle.file(f"{FOLDER}/about.json").read_bytes()))
    items = parts.pop("items")
    return ReleaseRows(CountedRows(**parts), note, items)


def item_frame(items: Collection[Item], never_show: NeverShow) -> "pl.DataFrame":
    """What the rows take from these items."""
    import polars as pl

    return pl.DataFrame(
        {
            "item_id": pl.Series([item.item_id for item in items], dtype=pl.String),
            "category": pl.Series([item.category or None for item in items], dtype=pl.String),
            "cost": pl.Series([item.cost for item in items], dtype=pl.Float64),
            "is_hidden": pl.Series([is_hidden(item, never_show) for item in items], dtype=pl.Boolean),
        }
    )


def sorted_never_show(never_show: NeverShow) -> dict[str, list[str]]:
    """The setting as JSON types."""
    return {key: sorted(values) for key, values in never_show.items()}
