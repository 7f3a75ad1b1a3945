"""Lines of a file, each of bounded length: a longer one is skipped and becomes a broken row."""

from collections.abc import Callable, Iterator
from itertools import chain, islice, repeat, takewhile
from pathlib import Path
from typing import AnyStr, Generic

from recsys.data.files.formats.file_table import BrokenRow, legible
from recsys.data.files.formats.limits import CHUNK_CHARS, MAX_LINE, MAX_SKIPPED_LINE
from recsys.errors import BadFile

BATCH_LINES = 64  # read at once; each may be as long as MAX_LINE


class BoundedLines(Iterator[tuple[int, AnyStr]], Generic[AnyStr]):
    """Pairs of line number, from 1, and line; `broken` collects the lines that are too long.

    A line that does not end within MAX_SKIPPED_LINE ends the file; `check` then raises.
    readline: returns at most so many characters or bytes of the next line.
    """

    def __init__(self, path: Path, readline: Callable[[int], AnyStr]) -> None:
        self._path = path
        self._pieces: Iterator[AnyStr] = takewhile(len, map(readline, repeat(MAX_LINE)))  # lines, or parts of long ones
        self._line = 0
        self._is_endless = False
        self.broken: list[BrokenRow] = []
        self.has_more = True

    def __next__(self) -> tuple[int, AnyStr]:
        while not self._is_endless and (text := next(self._pieces, None)):
            self._line += 1
            if len(text) < MAX_LINE or _is_whole(text):
                return self._line, text
            self._skip(text)
        self.has_more = self._is_endless
        raise StopIteration

    def part(self, rows: int) -> list[tuple[int, AnyStr]]:
        """The next lines: at most `rows`, and about CHUNK_CHARS characters; empty at the end.  Raises as `check`."""
        self.check()
        lines, n_chars = list[tuple[int, AnyStr]](), 0
        while len(lines) < rows and n_chars < CHUNK_CHARS and (batch := self._batch(rows - len(lines))):
            lines += batch
            n_chars += sum(len(text) for _, text in batch)
        return lines

    def _batch(self, most: int) -> list[tuple[int, AnyStr]]:
        """Some of the next lines, at least one unless none is left; short ones take no step of Python each."""
        texts = list(islice(self._pieces, min(most, BATCH_LINES)))
        if max(map(len, texts), default=MAX_LINE) < MAX_LINE:
            first, self._line = self._line + 1, self._line + len(texts)
            return list(zip(range(first, self._line + 1), texts, strict=True))
        self._pieces = chain(texts, self._pieces)
        return list(islice(self, 1))

    def take_broken(self) -> list[BrokenRow]:
        """The lines since the last call that were too long."""
        broken, self.broken = self.broken, []
        return broken

    def check(self) -> None:
        """Raises BadFile after a line that does not end."""
        if self._is_endless:
            raise BadFile(
                f"{self._path}: line {self._line:,} does not end within {MAX_SKIPPED_LINE >> 20} MiB, so this is "
                "no file of rows; check how it was exported and where its lines end"
            )

    def _skip(self, start: AnyStr) -> None:
        """Reads the line to its end, and keeps its beginning as a broken row."""
        n_chars = len(start)
        while (text := next(self._pieces, None)) and not _is_whole(text):
            n_chars += len(text)
            if n_chars > MAX_SKIPPED_LINE:
                self._is_endless = True
                return
        shown = start.decode(errors="replace") if isinstance(start, bytes) else start
        reason = f"is longer than {MAX_LINE:,} characters; shorten it, or leave out the column that is so long"
        self.broken.append(BrokenRow(self._line, legible(shown), reason))


def _is_whole(text: AnyStr) -> bool:
    return text.endswith(b"\n") if isinstance(text, bytes) else text.endswith("\n")
