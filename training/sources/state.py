"""Source state: marks of what was imported from a source, in a file of the home that is only added to.

A mark counts as long as the log holds what was imported: after a restore of an older log, newer marks are void.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import orjson

from recsys.atomic_file import make_private, open_private, replace_file, sync
from recsys.data.lineage import Lineage, Watermark

KEPT_LINES = 1_000  # beside the last mark of each key, for a log that is restored


class ImportMark(NamedTuple):
    """A mark: up to where a key was imported, such as the digest of a file.  log: how far the log reached then."""

    key: str
    value: str
    log: Watermark

    def to_line(self) -> bytes:
        return orjson.dumps([self.key, self.value, *self.log]) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self | None:
        """None for a line that was cut off by a crash."""
        try:
            key, value, *log = orjson.loads(line)
            return cls(key, value, Watermark(*log))
        except (ValueError, TypeError):
            return None


class SourceState:
    """The last mark of each key.  lineage: of the log, now."""

    def __init__(self, file: Path, lineage: Callable[[], Lineage]) -> None:
        self._file = file
        self._lineage = lineage
        lines = file.read_bytes().splitlines() if file.exists() else []
        marks = [mark for mark in map(ImportMark.from_line, lines) if mark is not None]
        now = lineage()
        self.marks = {mark.key: mark.value for mark in marks if now.covers(mark.log)}
        last = {mark.key: mark for mark in marks}
        if len(marks) > 2 * (len(last) + KEPT_LINES) or len(marks) < len(lines):
            kept = dict.fromkeys([*last.values(), *marks[-KEPT_LINES:]])
            replace_file(file, b"".join(mark.to_line() for mark in marks if mark in kept))
            make_private(file)

    def save(self, key: str, value: str) -> None:
        """Adds a mark, durably.  Call it once the store holds what it stands for."""
        self.marks[key] = value
        with open_private(self._file, "ab") as file:
            file.write(ImportMark(key, value, self._lineage().head).to_line())
            file.flush()
            os.fsync(file.fileno())
        sync(self._file.parent)
