"""Rejects of an import: the refused lines in a file of their own, and a tally of all lines."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import orjson
import polars as pl

from recsys.atomic_file import make_private, open_private
from recsys.data.files.formats.file_table import Chunk
from recsys.errors import BadFile
from training.importing.validation import NO_ROW

FIRST_LINES = 3
WITHHELD = (
    "user_id: this customer does not consent to personalisation, or was erased later; nothing is kept of the line"
)


class Reject(NamedTuple):
    """A refused line: its number in the file (row number in Parquet), the reason, and its content.

    read: its values under our own names, so that a check needs no column mapping; None where the line did not parse.
    """

    line: int
    reason: str
    row: Mapping[str, Any]
    read: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Tally:
    """Every line of a file, counted once: accepted + known + corrected + left_out + rejected == lines.

    known: lines that were stored already (events) or changed nothing (items, customers).  corrected: lines whose event
    was changed; None for an import without --correct.  first: the first refused lines of each reason.  rejects_file:
    the file with all refused lines, None when there are none.  notes: what a person must know about accepted lines.
    n_short: rows with fewer cells than the header.  left_out: lines that do not fulfil --where.
    """

    file: str
    accepted: int = 0
    known: int = 0
    corrected: int | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[Reject]] = field(default_factory=dict)
    rejects_file: Path | None = None
    notes: list[str] = field(default_factory=list)
    n_short: int = 0
    left_out: int = 0

    def withhold(self, n: int) -> None:
        """Counts lines of which nothing may be kept, not even in the rejects file."""
        if n:
            self.reasons[WITHHELD] += n
            self.first[WITHHELD] = []

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    @property
    def lines(self) -> int:
        return self.accepted + self.known + (self.corrected or 0) + self.left_out + self.rejected


class Rejects:
    """Writes refused lines to `folder/<time>-<name>.jsonl`, made with the first one; without a folder it counts."""

    def __init__(self, folder: Path | None, tally: Tally) -> None:
        self._folder = folder
        self._tally = tally
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def keep_good(self, columns: pl.DataFrame, chunk: Chunk, fault: pl.Expr) -> pl.DataFrame:
        """The rows of `columns` without a fault; writes the others, ordered by line.  The chunk has the same rows.

        Raises BadFile when the folder cannot be written.
        """
        self._tally.n_short += chunk.n_short
        self._tally.left_out += chunk.n_left_out
        reasons = columns.select(fault.alias("fault"))["fault"]
        bad = reasons.is_not_null()
        rejects = [Reject(line, NO_ROW, {"text": text, "why": why}) for line, text, why in chunk.broken]
        lines = pl.Series(chunk.lines, dtype=pl.Int64)
        if bad.any():
            rows = chunk.rows.filter(bad).to_dicts()
            read = columns.filter(bad).select(_value_columns(columns)).to_dicts()
            rejects += map(Reject, lines.filter(bad).to_list(), reasons.filter(bad).to_list(), rows, read)
        for reject in sorted(rejects, key=lambda reject: reject.line):
            self._refuse(reject)
        return columns.filter(~bad)

    def refuse(self, rows: Mapping[int, str], chunk: Chunk) -> None:
        """Refuses rows of the chunk that had no fault: the reason by row.  Raises BadFile as `keep_good`."""
        for row, reason in rows.items():
            self._refuse(Reject(chunk.lines[row], reason, chunk.rows.row(row, named=True)))

    def _refuse(self, reject: Reject) -> None:
        self._tally.reasons[reject.reason] += 1
        first = self._tally.first.setdefault(reject.reason, [])
        if len(first) < FIRST_LINES:
            first.append(reject)
        if self._folder is not None:
            self._write(reject, self._folder)

    def _write(self, reject: Reject, folder: Path) -> None:
        try:
            self._file = self._file or self._open_file(folder)
            self._file.write(orjson.dumps(reject._asdict(), default=str) + b"\n")
        except OSError as error:
            raise BadFile(
                f"{folder}: rejects cannot be written: {error.strerror}; free disk space or allow writing there"
            ) from None

    def _open_file(self, folder: Path) -> IO[bytes]:
        folder.mkdir(parents=True, exist_ok=True)
        make_private(folder)
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._tally.rejects_file = folder / f"{time}-{Path(self._tally.file).name}.jsonl"
        return open_private(self._tally.rejects_file, "xb")


def _value_columns(columns: pl.DataFrame) -> list[str]:
    """The columns that hold values of an event, an item or a customer."""
    return [name for name in columns.columns if not name.endswith("_given") and ":" not in name]
