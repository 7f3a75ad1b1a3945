"""The end of an erasure: releases that hold the customer are deleted, what deleted rows left is overwritten."""

from dataclasses import dataclass

from recsys.bundle import live_version
from recsys.data.store.base import Store
from recsys.data.store.identity import Tombstone
from recsys.privacy.erasure import release_log_seqs, releases_before, sweep_storage
from recsys.time_units import DAY_MS
from training.registry import Registry

MARKS_DAYS = 7  # a training that began before an erasure has ended by then


@dataclass(frozen=True, slots=True)
class Swept:
    """deleted: releases that are gone.  live: the one in service, where it still holds somebody.  is_clean: the log."""

    deleted: list[str]
    live: str | None
    n_held: int
    is_clean: bool


def sweep(store: Store, registry: Registry) -> Swept:
    """Deletes every release but the live one that holds an erased customer, and writes the log's file anew.

    Raises BadBundle, LogUnavailable.
    """
    marks = _erased(store)
    deleted = registry.prune_before(max((mark.seq for mark in marks), default=0))
    live = live_version(registry.bundles)
    held = [mark for mark in marks if live in releases_before(registry.bundles, mark.seq)]
    return Swept(deleted, live if held else None, len(held), sweep_storage(store, registry.home))


def expire(store: Store, registry: Registry, *, now_ms: int, within_days: int) -> list[str]:
    """Deletes the releases that hold a customer erased so long ago, and the digests that no release needs any more."""
    late = [mark.seq for mark in _erased(store) if mark.at_ms <= now_ms - within_days * DAY_MS]
    deleted = registry.prune_before(max(late, default=0))
    oldest = min((log_seq for _, log_seq in release_log_seqs(registry.bundles)), default=0)
    settled = [
        mark.seq
        for mark in store.tombstones_since(0)
        if mark.seq <= oldest and mark.at_ms <= now_ms - MARKS_DAYS * DAY_MS
    ]
    store.drop_tombstones(max(settled, default=0))
    return deleted


def _erased(store: Store) -> list[Tombstone]:
    return [mark for mark in store.tombstones_since(0) if mark.state != "merged"]
