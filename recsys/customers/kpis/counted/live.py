"""Live rows: those of the release, with the customers who did something since counted anew from their whole logs.

The rows equal those of the whole log, which are read where the release cannot tell them.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.bundle import live_version, open_release
from recsys.bundle.signature import read_trusted_keys
from recsys.config import CatalogueSettings
from recsys.customers.kpis.counted.rows import CountedRows, count_rows
from recsys.customers.kpis.counted.stored import LogNote, ReleaseRows, item_frame, open_rows, sorted_never_show
from recsys.customers.population import Population, counted_events, read_population
from recsys.data.catalogue.catalogue import NeverShow, build_never_show
from recsys.data.entities import Item
from recsys.data.guests import PREFIX
from recsys.data.lineage import NOT_COVERED, Watermark
from recsys.data.store.base import Store
from recsys.errors import BadBundle, NotEnoughData

if TYPE_CHECKING:
    import polars as pl

MAX_CHANGED = 1_000  # customers, read one by one; with more of them the whole log is as quick


def read_rows(store: Store, home: Path, file: Path | None) -> CountedRows:
    """The rows up to the last event.  Raises NotEnoughData, LogUnavailable."""
    rows = _release_rows(store, home, file)
    return count_rows(read_population(store, file)) if rows is None else rows


def _release_rows(store: Store, home: Path, file: Path | None) -> CountedRows | None:
    """The rows from the live release and what came since; None where that needs the whole log."""
    try:
        version = live_version(home / "bundles")
        bundle = version and open_release(home / "bundles", version, verify=False, trusted=read_trusted_keys(home))
        base = open_rows(bundle) if bundle else None
    except BadBundle:
        return None
    if not bundle or base is None or (mark := store.watermark(bundle.manifest)) == NOT_COVERED:
        return None
    never_show = build_never_show(CatalogueSettings.load(file).never_show)
    if sorted_never_show(never_show) != base.note.never_show or _items_changed(store, mark, base, never_show):
        return None
    return _with_newer(store, mark.seq, base, never_show)


def _items_changed(store: Store, mark: Watermark, base: ReleaseRows, never_show: NeverShow) -> bool:
    """Whether an item that the rows know is another one now.  New ones come with their own events."""
    import polars as pl

    changed = item_frame(list(store.items_since(mark.revision)), never_show)
    known = base.items.filter(pl.col("item_id").is_in(changed["item_id"].to_list()))
    changed = changed.filter(pl.col("item_id").is_in(known["item_id"].to_list()))
    return not known.sort("item_id").equals(changed.sort("item_id"))


def _with_newer(store: Store, seq: int, base: ReleaseRows, never_show: NeverShow) -> CountedRows | None:
    import polars as pl

    marks = store.tombstones_since(seq)
    new = pl.concat([frame.select("user_id", "at_ms") for frame in store.scan(after_seq=seq)] or [_no_events()])
    changed = new["user_id"].unique().to_list()
    is_late = any(mark.state in ("expired", "corrected") for mark in marks)  # what, the mark does not say
    if is_late or len(changed) > MAX_CHANGED or (base.note.n_outliers and len(new)):
        return None
    ids = base.rows.customers["user_id"]
    gone = {mark.digest for mark in marks}
    left = {user_id for user_id in ids if store.digest(user_id) in gone} if gone else set[str]()
    own = [user_id for user_id in changed if not user_id.startswith(PREFIX)]
    rows = base.rows.only(~ids.is_in([*left, *changed]).to_numpy()) if changed or left else base.rows
    try:
        return rows.joined(count_rows(_population(store, own, _end_ms(base.note, new), never_show))) if own else rows
    except NotEnoughData:  # nothing of them counts
        return rows


def _no_events() -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame(schema={"user_id": pl.String, "at_ms": pl.Int64})


def _end_ms(note: LogNote, new: "pl.DataFrame") -> int | None:
    """Where the log ends if trailing outliers came since."""
    from recsys.data.dataset.dataset import end_before_outliers

    latest = np.sort(np.append(new["at_ms"].to_numpy(), note.last_ms))
    return end_before_outliers(latest, note.n_events + len(new))


def _population(store: Store, user_ids: Collection[str], end_ms: int | None, never_show: NeverShow) -> Population:
    """All that these customers did.  Raises NotEnoughData."""
    import polars as pl

    from recsys.data.dataset.dataset import read_events
    from recsys.data.events import EVENT_SCHEMA

    pages = (page for user_id in user_ids for page in store.event_pages(user_id))
    events = read_events((pl.DataFrame(page, schema=EVENT_SCHEMA, orient="row") for page in pages), ("channel",))
    if end_ms is not None:
        events = events.with_columns(pl.col("at_ms").clip(upper_bound=end_ms))
    items: list[Item] = store.items(events["item_id"].cast(pl.String).unique().to_list())
    return Population(counted_events(events, items, (), never_show), items, 0)
