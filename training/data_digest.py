"""Digest of training data: changes with anything that a training learns from, and with nothing else.

It covers events, items, customers, and facts of who recommends the shop by content (not by number or position in the
log), the settings, and the code.
"""

import hashlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from pydantic import BaseModel

import recsys
from recsys.data.dataset.snapshot import Snapshot
from recsys.data.store.base import Store
from recsys.data.store.serialization import item_document, user_document
from recsys.errors import BadBundle
from recsys.privacy.erasure import releases_before
from recsys.time_units import DAY_MS
from training.registry import Registry, Release
from training.registry.history import ReleaseHistory

DIGEST_BYTES = 16
SLICE_ROWS = 1_000_000
# Whose versions change what is learnt; JAX where its extra is installed.
LIBRARIES = ("faiss-cpu", "implicit", "jax", "jaxlib", "numpy", "polars", "scikit-learn", "scipy")


def digest_training_data(snapshot: Snapshot, settings: object) -> str:
    """The digest of what a training reads, as hex.

    settings: dataclasses, settings of pydantic, mappings and plain values, in any nesting.
    The rows of events count in their order; the same rows under other numbers of the log are the same.
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in (
        orjson.dumps(_canonical(settings), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS),
        _code_digest(),
        _rows_digest(snapshot.events),
        *sorted(map(item_document, snapshot.items)),
        *sorted(map(user_document, snapshot.users)),
        *(orjson.dumps(tuple(fact)) for fact in snapshot.recommendations),
    ):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def unchanged_release(
    store: Store, registry: Registry, digest: str, *, within_days: float, now_ms: int
) -> Release | None:
    """The release that a training from that digest would only make again; None where it would make another.

    It is live, or was rejected beside the release that still is, or a rollback left it; it is younger than within_days,
    belongs to this log, and holds nobody who was erased since.
    """
    live = _live(registry)
    useless = set(releases_before(registry.bundles, max(_erased_seq(store), 1), store.lineage()))
    young = (
        release
        for release in registry.releases()
        if release.made_at_ms is not None and now_ms - release.made_at_ms < within_days * DAY_MS
    )
    same = (release for release in young if release.data_digest == digest and release.version not in useless)
    fled = ReleaseHistory(registry.bundles).fled()
    judged = (release for release in same if release.verdict is not None)
    return next((release for release in judged if release.version in fled or _still_holds(release, live)), None)


def _still_holds(release: Release, live: str | None) -> bool:
    """Whether its training would end the same again; one that went on after its verdict may have been killed then."""
    verdict = release.verdict
    is_settled = verdict is not None and verdict.champion == live and not verdict.is_retried
    return release.is_live or (release.is_rejected and is_settled and live is not None)


def _live(registry: Registry) -> str | None:
    try:
        return registry.live()
    except BadBundle:
        return None


def _erased_seq(store: Store) -> int:
    """seq of the last erasure or withdrawal; a release from before holds somebody whom it must not."""
    return max((tombstone.seq for tombstone in store.tombstones_since(0) if tombstone.is_removal), default=0)


def _rows_digest(events: pl.DataFrame) -> bytes:
    """A hash of each row (64 bits, stable for one version of polars), and a digest of them in order."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in events.iter_slices(SLICE_ROWS):
        digest.update(part.hash_rows().to_numpy().tobytes())
    return digest.digest()


def _code_digest() -> bytes:
    """Of the sources of the engine, and of the versions of the libraries that learn."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    folder = Path(recsys.__file__).parent
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode())
        digest.update(file.read_bytes())
    digest.update(" ".join(f"{name} {_installed_version(name)}" for name in LIBRARIES).encode())
    return digest.digest()


def _installed_version(name: str) -> str:
    """Empty where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _canonical(value: Any) -> Any:
    """The value as JSON whose text depends on nothing but the value."""
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: _canonical(getattr(value, field.name)) for field in fields(value)}
        return {"": type(value).__name__, **named}
    if isinstance(value, BaseModel):
        return _canonical(value.model_dump())
    if isinstance(value, Mapping):
        return {str(_canonical(key)): _canonical(part) for key, part in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((_canonical(part) for part in value), key=repr)
    if isinstance(value, list | tuple):
        return [_canonical(part) for part in value]
    return repr(value.value if isinstance(value, Enum) else value)
