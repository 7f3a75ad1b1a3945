"""A customer is erased from all that a home holds; releases, which never change, are named until they are gone."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from recsys.atomic_file import replace_file
from recsys.bundle import is_version, open_bundle
from recsys.data.answer_log.log import forget
from recsys.data.answer_log.log import sweep as sweep_shown
from recsys.data.store.base import Store
from recsys.data.store.identity import Receipt
from recsys.errors import BadBundle

AT_ONCE_BYTES = 32 * 2**20  # of a file: half a second; a larger one waits for `recsys sweep`


def erase(store: Store, home: Path, user_id: str) -> Receipt:
    """Erases the customer, and the ids merged into them, from the log, what was shown and the refused lines.

    Releases are never rewritten: from now on no answer uses what they know of the customer, see `remains`.  Asked again
    it finishes what a crash left undone.  Raises LogUnavailable.
    """
    ids = group_of(store, user_id)
    n_lines = sum(_without_lines(file, ids) for file in reject_files(home))
    receipt = store.erase_user(user_id)
    n_shown = sum(forget(home, one) for one in ids)
    receipt = replace(receipt, counts={**receipt.counts, "shown": n_shown, "rejected_lines": n_lines})
    store.put_receipt(receipt)
    sweep_files(store, home, AT_ONCE_BYTES)
    return receipt


def sweep_files(store: Store, home: Path, most_bytes: int | None = None) -> bool:
    """Overwrites what deleted rows left in the files of the log and of what was shown; True when both are clean."""
    return sweep_shown(home, most_bytes) and store.sweep(most_bytes)


def group_of(store: Store, user_id: str) -> list[str]:
    """All ids of that customer."""
    owner = store.identity(user_id).owner_id
    return sorted({user_id, owner, *store.merged_ids(owner)})


def remains(store: Store, home: Path, receipt: Receipt) -> dict[str, Any]:
    """Where traces of an erased customer are left: releases made before, by version, and gaps in files."""
    return {
        "releases": holding(home / "bundles", receipt.seq),
        "log_file": store.swept_until() < receipt.seq,
    }


def holding(bundles: Path, seq: int) -> list[str]:
    """The releases made of a log that ends before that seq, oldest first; damaged ones, too."""
    return [version for version, log_seq in releases(bundles) if log_seq < seq]


def releases(bundles: Path) -> list[tuple[str, int]]:
    """Every published version and where its log ends, oldest first; 0 for a damaged one."""
    found = bundles.iterdir() if bundles.is_dir() else ()
    return [(path.name, _log_seq(path)) for path in sorted(found) if path.is_dir() and is_version(path.name)]


def reject_files(home: Path) -> list[Path]:
    """The files of lines that imports refused."""
    return sorted((home / "rejects").glob("*.jsonl"))


def _log_seq(path: Path) -> int:
    try:
        return open_bundle(path, verify=False).manifest.log_seq
    except BadBundle:
        return 0


def _without_lines(file: Path, ids: Sequence[str]) -> int:
    """Takes the lines that name one of these customers out of the file; how many they were."""
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not _names(line, ids)]
    if len(kept) < len(lines):
        replace_file(file, b"".join(kept))
    return len(lines) - len(kept)


def _names(line: bytes, ids: Sequence[str]) -> bool:
    """Whether a refused line is of one of them: by what was read of it, else by any of its values or words."""
    told = orjson.loads(line)
    read = told.get("read") or {}
    if read.get("user_id") is not None:
        return str(read["user_id"]) in ids
    row: Mapping[str, Any] = told.get("row") or {}
    return any(value in ids or _is_within(value, ids) for value in _texts(row))


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    return (str(value) for value in row.values() if value is not None)


def _is_within(text: str, ids: Sequence[str]) -> bool:
    """A line that was no row is kept as it stood."""
    return any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text) for one in ids)
