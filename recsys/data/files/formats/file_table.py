"""Table of a file: rows in chunks of bounded memory, with the line number of every row."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from recsys.errors import BadFile

LEGIBLE = 1_000  # characters of a broken line that are kept


class DuplicateColumn(BadFile):
    """Two columns have the same name; `names` are all names.  The file may have no header."""

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.names = names


class BrokenRow(NamedTuple):
    """A line that cannot be read, and the reason."""

    line: int
    text: str
    reason: str


class Chunk(NamedTuple):
    """Some rows of a file, in its order; lines (n,): the first line of each row, from 1 with the header.

    n_short: rows with fewer cells than the header, whose last cells are read as empty.  position: bytes of the file
    that were read so far, as they are on the disk.  n_left_out: rows that the conditions of the mapping leave out;
    they are not in `rows`.
    """

    rows: pl.DataFrame
    lines: list[int]
    broken: list[BrokenRow]
    n_short: int = 0
    position: int = 0
    n_left_out: int = 0

    @property
    def n_lines(self) -> int:
        return len(self.lines) + len(self.broken) + self.n_left_out


ChunkProgress = Callable[[Chunk], object]


class FileTable(Protocol):
    """A file of rows.  Reading raises `BadFile` when the file is damaged; a single bad line is a `BrokenRow`."""

    @property
    def path(self) -> Path: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    def chunks(self, rows: int) -> Iterator[Chunk]:
        """All rows, at most about `rows` at a time, and fewer where they are long: memory stays bounded."""


def legible(text: str) -> str:
    """The beginning of a line, without its end; bytes that are no UTF-8 become the replacement character."""
    cut = text[:LEGIBLE].rstrip("\r\n").encode(errors="surrogateescape").decode(errors="replace")
    return cut if len(text) <= LEGIBLE else f"{cut}..."
