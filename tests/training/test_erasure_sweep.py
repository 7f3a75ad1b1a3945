"""Releases that hold an erased customer are deleted in time, and never by a clock in doubt."""

from pathlib import Path

import pytest

from recsys.bundle import Manifest, write_bundle
from recsys.data.store.open import open_store
from recsys.time_units import DAY_MS
from training.erasure_sweep import expire
from training.registry import Registry


@pytest.mark.parametrize(
    ("days_later", "within_days", "deleted"),
    [(15, 14, ["20260101T000000Z-aaaa"]), (13, 14, []), (None, 14, []), (None, 0, ["20260101T000000Z-aaaa"])],
)
def test_a_release_that_holds_an_erased_customer_is_deleted_in_time_by_a_clock_without_doubt(
    tmp_path: Path, days_later: int | None, within_days: int, deleted: list[str]
) -> None:
    store, registry = open_store(tmp_path, None), Registry(tmp_path)
    version = "20260101T000000Z-aaaa"
    write_bundle(registry.bundles / version, {}, Manifest(version=version, made_at_ms=0, now=0.0, log_seq=0))
    erased_ms = store.erase_user("u").at_ms
    now_ms = None if days_later is None else erased_ms + days_later * DAY_MS
    assert expire(store, registry, now_ms=now_ms, within_days=within_days) == deleted
    assert len(store.tombstones_since(0)) == 1
    store.close()
