"""Erasure sweep: deletes releases that still hold an erased user, and overwrites what deleted rows left on disk."""

from collections.abc import Mapping
from dataclasses import dataclass

from recsys.bundle import live_version
from recsys.data.store.base import Store
from recsys.data.store.identity import Tombstone
from recsys.privacy.erasure import finish_erasures, release_log_seqs, releases_before, sweep_storage
from recsys.privacy.mentions import erased_mentions
from recsys.time_units import DAY_MS
from training.registry import Registry

SWEEP_BYTES = 32 * 2**20  # half a second after a training; a larger file waits for `recsys sweep`
TOMBSTONE_DAYS = 7  # a training that began before an erasure has ended by then


@dataclass(frozen=True, slots=True)
class SweepResult:
    """deleted: releases.  live: the live one, if it still holds n_held erased users.

    is_clean: whether no traces of deleted rows are left.  mentions: values of each column of customers' ids in the
    catalogue that name an erased customer, because somebody sent them again.
    """

    deleted: list[str]
    live: str | None
    n_held: int
    is_clean: bool
    mentions: Mapping[str, int]


def sweep(store: Store, registry: Registry) -> SweepResult:
    """Finishes erasures, deletes all releases but the live one that hold an erased user, and rewrites the log's file.

    Raises BadBundle, LogUnavailable.
    """
    finish_erasures(store, registry.home)
    erased = [tombstone for tombstone in _forgotten(store) if tombstone.state != "expired"]  # those wait, see `expire`
    lineage = store.lineage()
    deleted = registry.prune_before(max((tombstone.seq for tombstone in erased), default=0), lineage)
    live = live_version(registry.bundles)
    held = [tombstone for tombstone in erased if live in releases_before(registry.bundles, tombstone.seq, lineage)]
    return SweepResult(
        deleted, live if held else None, len(held), sweep_storage(store, registry.home), erased_mentions(store)
    )


def expire(store: Store, registry: Registry, *, now_ms: int | None, within_days: int) -> list[str]:
    """Deletes releases that hold a user erased, or events deleted by age, so long ago, and tombstones without use.

    now_ms: by `deletion_time`.  While the clock is in doubt, None, only what need not wait is deleted.
    """
    before_ms = 0 if now_ms is None else now_ms - within_days * DAY_MS
    due = [tombstone.seq for tombstone in _forgotten(store) if within_days == 0 or tombstone.at_ms <= before_ms]
    lineage = store.lineage()
    deleted = registry.prune_before(max(due, default=0), lineage)
    if now_ms is None:
        return deleted
    oldest = min((log_seq for _, log_seq in release_log_seqs(registry.bundles, lineage)), default=0)
    unneeded = [
        tombstone.seq
        for tombstone in store.tombstones_since(0)
        if tombstone.seq <= oldest and tombstone.at_ms <= now_ms - TOMBSTONE_DAYS * DAY_MS
    ]
    store.drop_tombstones(max(unneeded, default=0))
    return deleted


def _forgotten(store: Store) -> list[Tombstone]:
    return [tombstone for tombstone in store.tombstones_since(0) if tombstone.is_removal]
