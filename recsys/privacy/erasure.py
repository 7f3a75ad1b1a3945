"""Erasure of a customer from everything in a home; releases, which never change, are listed until they are deleted."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from recsys.atomic_file import PRIVATE_FILE, replace_file
from recsys.bundle import published_manifest, release_folders
from recsys.data.answer_log.answer_log import delete_from_answer_log, overwrite_deleted_answers, sweep_answer_log
from recsys.data.files.destination import drop_unfinished
from recsys.data.lineage import Lineage
from recsys.data.store.base import Store
from recsys.data.store.identity import Receipt, UnfinishedChange
from recsys.data.store.people.held_texts import ID_TEXTS, id_pattern
from recsys.data.store.serialization import json_text
from recsys.data.uploads import drop_uploads
from recsys.errors import BadBundle
from recsys.privacy.erasure_follower import follow_erasures, place_of
from recsys.privacy.mentions import is_code, is_unmistakable, remove_mentions
from recsys.privacy.run_texts import erase_from_runs
from recsys.time_units import HOUR_MS, now_ms

SWEEP_NOW_BYTES = 8 * 2**20  # some 0.1 s, in which others wait; a larger file waits for the next training


def erase_user_data(store: Store, home: Path, user_id: str) -> Receipt:
    """Erases the customer, with all merged ids, from the event log, the answer log and the lines that imports refused.

    Releases are never rewritten, but from now on no list uses what they know of the customer, see `remaining_traces`.
    The store keeps all ids until the end, so that a second call, or `finish_erasures`, goes on where an error stopped.
    Raises LogUnavailable.
    """
    receipt = _finish(store, home, store.begin_erasure(user_id, place_of(home)))
    sweep_storage(store, home, SWEEP_NOW_BYTES)
    return receipt


def finish_erasures(store: Store, home: Path) -> int:
    """Finishes erasures that were broken off, and returns how many: those of this home, and of hosts that are lost.

    A lost host that comes back erases from its own files, see `follow_erasures`.  Raises LogUnavailable.
    """
    place, lost_ms = place_of(home), now_ms() - HOUR_MS
    changes = [
        change
        for change in store.unfinished_changes()
        if change.place == place or (change.receipt.kind == "erasure" and change.receipt.at_ms < lost_ms)
    ]
    for change in changes:
        _finish(store, home, change)
    return len(changes)


def tidy(store: Store, home: Path, most_bytes: int = SWEEP_NOW_BYTES) -> None:
    """Finishes what erasures left in this home: those that were broken off, those of other hosts, and traces in files.

    Raises LogUnavailable.
    """
    finish_erasures(store, home)
    follow_erasures(store, home)
    erased = (tombstone.seq for tombstone in store.tombstones_since(store.swept_until()) if tombstone.is_removal)
    if any(erased):
        sweep_storage(store, home, most_bytes)


def _finish(store: Store, home: Path, change: UnfinishedChange) -> Receipt:
    store.erase_events(change)
    n_lines = sum(_remove_lines(file, change.user_ids) for file in sorted((home / "rejects").glob("*.jsonl")))
    mentions = remove_mentions(store, change.user_ids, f"erased-{change.receipt.receipt_id}")
    erase_from_runs(store, change.user_ids)
    drop_unfinished(home)
    drop_uploads(home)
    n_shown = sum(delete_from_answer_log(home, user_id) for user_id in change.user_ids)
    store.count_erased(change, shown=n_shown, rejected_lines=n_lines, **mentions)
    overwrite_deleted_answers(home)
    return store.end_erasure(change)


def sweep_storage(store: Store, home: Path, most_bytes: int | None = None) -> bool:
    """Overwrites traces of deleted rows in the event log and the answer log; True when both are clean.

    most_bytes: leaves larger files, and waits a minute after the last time: others who write wait meanwhile.
    """
    if most_bytes is not None and not store.may_sweep(most_bytes):
        return False
    return sweep_answer_log(home, most_bytes) and store.sweep(most_bytes)


def all_ids(store: Store, user_id: str) -> list[str]:
    """All ids of that customer."""
    owner_id = store.identity(user_id).owner_id
    return sorted({user_id, owner_id, *store.merged_ids(owner_id)})


def remaining_traces(store: Store, home: Path, receipt: Receipt) -> dict[str, Any]:
    """Traces of an erased customer: the versions of older releases, and whether the log file holds deleted rows."""
    return {
        "releases": releases_before(home / "bundles", receipt.seq, store.lineage()),
        "log_file": store.swept_until() < receipt.seq,
    }


def releases_before(bundles: Path, seq: int, lineage: Lineage) -> list[str]:
    """The releases that know the log up to before that seq only, and damaged ones; oldest first."""
    return [version for version, log_seq in release_log_seqs(bundles, lineage) if log_seq < seq]


def release_log_seqs(bundles: Path, lineage: Lineage) -> list[tuple[str, int]]:
    """Every published version and the seq up to where it knows the log, oldest first.

    0 for a damaged one, and for one that the log does not cover: its numbers mean something else.
    """
    return [(path.name, _log_seq(path, lineage)) for path in release_folders(bundles)]


def _log_seq(path: Path, lineage: Lineage) -> int:
    try:
        return max(0, lineage.watermark(published_manifest(path)).seq)
    except BadBundle:
        return 0


def _remove_lines(file: Path, ids: Sequence[str]) -> int:
    """Removes the lines that name one of these ids from the file, and returns how many there were."""
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not _names(line, ids)]
    if len(kept) < len(lines):
        replace_file(file, b"".join(kept), PRIVATE_FILE)
    return len(lines) - len(kept)


def _names(line: bytes, ids: Sequence[str]) -> bool:
    """Whether a refused line names one of these ids: in its parsed user_id, else in any of its values or words.

    An id that cannot be mistaken, such as an address, counts anywhere in the line; one with a letter and a digit within
    the id of an order or an event, too.
    """
    rejected = orjson.loads(line)
    read = rejected.get("read") or {}
    if _is_within(line.decode(), [json_text(user_id) for user_id in ids if is_unmistakable(user_id)]):
        return True
    if read.get("user_id") is not None:
        id_texts = " ".join(str(read[name]) for name in ID_TEXTS if read.get(name))
        return str(read["user_id"]) in ids or _is_within(id_texts, [*filter(is_code, ids)])
    row: Mapping[str, Any] = rejected.get("row") or {}
    texts = (str(value) for value in row.values() if value is not None)
    return any(text in ids or _is_within(text, ids) for text in texts)


def _is_within(text: str, ids: Sequence[str]) -> bool:
    """Whether an id stands in the text as a word: a line that could not be parsed is stored as one text."""
    return any(id_pattern(user_id).search(text) for user_id in ids)
