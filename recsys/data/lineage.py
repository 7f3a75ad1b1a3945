"""Lineage of a log: its identity, those it had before it was copied or restored, and the releases that it covers.

Numbers of a log are no identity: a copy and a restored backup count on with numbers that were used before.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from recsys.bundle import Manifest
from recsys.time_units import now_ms

IdentityCause = Literal["made", "upgraded", "copied", "restored"]
Execute = Callable[[str, Sequence[Any]], Any]

UNNAMED = ""  # the identity of logs, and of releases, from before there were identities
HEAD = """
SELECT coalesce(max(seq), 0)
FROM (SELECT max(seq) AS seq FROM events UNION ALL SELECT max(seq) FROM forgotten) AS heads
"""
REVISION = "SELECT coalesce(max(revision), 0) FROM items"
IDENTITIES = "SELECT log_id, seq, revision, at_ms, cause, place FROM log_identities ORDER BY nth"
LOG_ID = "SELECT log_id FROM log_identities ORDER BY nth DESC LIMIT 1"
NUMBERS = f"SELECT ({HEAD}), ({REVISION})"
_DRAW = f"""
INSERT INTO log_identities
SELECT coalesce(max(nth), 0) + 1, $1, ({HEAD}), ({REVISION}), $2, $3, $4 FROM log_identities
"""

log = logging.getLogger(__name__)


class LogIdentity(NamedTuple):
    """One identity of a log.  seq, revision: the last numbers given out before it.  place: where it lay."""

    log_id: str
    seq: int
    revision: int
    at_ms: int
    cause: IdentityCause
    place: str


class Watermark(NamedTuple):
    """How far a log was read: its identity, the last seq, and the last revision of the catalogue."""

    log_id: str
    seq: int
    revision: int


# Of a release that was not learnt from this log: every event, erasure and item of the log is newer than it.
NOT_COVERED = Watermark(UNNAMED, -1, 0)


class Lineage(NamedTuple):
    """The identities of a log, oldest first, and how far it reaches now."""

    identities: tuple[LogIdentity, ...]
    head: Watermark

    @property
    def log_id(self) -> str:
        """The identity now."""
        return self.head.log_id

    @property
    def current(self) -> LogIdentity:
        return self.identities[-1]

    def covers(self, mark: Watermark) -> bool:
        """Whether this log holds what was read up to that mark; False for a lost future and for another log."""
        ends = [Watermark(*identity[:3]) for identity in self.identities[1:]] + [self.head]
        names = [identity.log_id for identity in self.identities]
        if mark.log_id in names:
            end = ends[names.index(mark.log_id)]
        elif mark.log_id == UNNAMED:
            end = self.head
        else:
            return False
        return mark.seq <= end.seq and mark.revision <= end.revision

    def watermark(self, manifest: Manifest) -> Watermark:
        """Up to where a release knows this log; NOT_COVERED unless it was learnt from what the log holds."""
        mark = Watermark(manifest.log_id, manifest.log_seq, manifest.item_revision)
        return mark if self.covers(mark) else NOT_COVERED


def of_another_log(version: str) -> str:
    """What to say of a release that the log does not cover."""
    return (
        f"{version} was learnt from another log, or from events that this one has lost (a backup in its place); "
        "events and erasures are judged by the log; repeat the erasures made since the backup, then run `recsys train`"
    )


def bind_identity(execute: Execute, place: str) -> None:
    """Draws an identity for a log without one, or one that lies at another place than its last identity.

    Call it in a transaction that writes alone.
    """
    rows = execute(IDENTITIES, ()).fetchall()
    last = LogIdentity._make(rows[-1]) if rows else None
    if last is None:
        _draw(execute, place, "made")
    elif last.place != place:
        _draw(execute, place, "copied" if last.log_id else "upgraded")


def replace_identity(execute: Execute, place: str, cause: IdentityCause, *, before: str) -> None:
    """Draws an identity unless another process did since `before` was the identity.  In a transaction as above."""
    if execute(IDENTITIES, ()).fetchall()[-1][0] == before:
        _draw(execute, place, cause)


def _draw(execute: Execute, place: str, cause: IdentityCause) -> None:
    log_id = secrets.token_hex(8)
    execute(_DRAW, (log_id, now_ms(), cause, place))
    log.info("log_identity_drawn", extra={"log_id": log_id, "cause": cause})


def place_of_file(path: Path) -> str:
    """The place of a file: another one after it was copied or restored, alone or with its folder.  A move keeps it.

    A second file beside it is made once and never touched.  Its time of change cannot be set, so a copy over both
    files, which keeps their inodes, is another place too.
    """
    witness = path.with_name(f"{path.name}-place")
    place = str(path.stat().st_ino)
    with suppress(OSError):  # made by another process meanwhile, or the folder cannot be written
        if not witness.exists():
            witness.touch(exist_ok=False)
    with suppress(OSError):
        beside = witness.stat()
        place += f" {beside.st_ino} {beside.st_ctime_ns}"
    return place
