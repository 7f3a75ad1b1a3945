"""Reader of CSV: text with a header and a separator; every value is text, an empty one is null."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import polars as pl

from recsys.data.files.formats.byte_stream import ByteStream, translated_errors
from recsys.data.files.formats.file_table import BrokenRow, Chunk, DuplicateColumn, legible
from recsys.data.files.formats.limits import MAX_CELL, MAX_COLUMNS, MAX_LINE, chunk_rows
from recsys.data.files.formats.lines import BoundedLines
from recsys.errors import BadFile

DELIMITERS = ",;\t|"
QUOTED = re.compile(r'"[^"]*"')
MIN_CELLS = 2  # a line with a single cell, in a file of several columns, is a heading or a footer
MAX_LINES_IN_QUOTES = 100
NOT_UTF8 = "is not UTF-8; save the file as UTF-8"

SourceRow = tuple[int, str]


@dataclass(frozen=True, slots=True)
class CsvTable:
    """Comma-separated text with a header; every value is text, an empty one is null."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    header_lines: int
    encoding: str = "utf-8"

    def chunks(self, rows: int) -> Iterator[Chunk]:
        with translated_errors(self.path), ByteStream(self.path) as stream, _text(stream, self.encoding) as file:
            lines = BoundedLines(self.path, file.readline)
            for _ in range(self.header_lines):
                next(lines)
            while (part := lines.part(chunk_rows(rows, len(self.columns)))) or lines.broken or lines.has_more:
                chunk = self._chunk(part, lines)
                broken = sorted(chunk.broken + lines.take_broken())
                yield chunk._replace(broken=broken, position=stream.position)

    def _chunk(self, part: list[SourceRow], more: Iterator[SourceRow]) -> Chunk:
        joined = "".join([text for _, text in part])
        if '"' in joined or not _is_utf8(joined) or any(len(text) > MAX_CELL for _, text in part):
            return self._parse_quoted(part, more)
        whole = self._parse_whole(joined, len(part))
        if whole is not None:
            return Chunk(whole, [line for line, _ in part], [])
        part = [(line, text) for line, text in part if not text.isspace()]
        width = len(self.columns)
        counts = [text.count(self.delimiter) + 1 for _, text in part]
        pairs = [*zip(part, counts, strict=True)]
        good = [(line, self._padded(text, count)) for (line, text), count in pairs if self._is_row(count)]
        broken = [self._wrong_width(*pair, count) for pair, count in pairs if not self._is_row(count)]
        n_short = len(good) - counts.count(width)
        return Chunk(self._parse_plain("".join(text for _, text in good)), [line for line, _ in good], broken, n_short)

    def _is_row(self, n_cells: int) -> bool:
        """Whether it has as many cells as the header, or fewer: spreadsheets leave out empty cells at the end."""
        return min(MIN_CELLS, len(self.columns)) <= n_cells <= len(self.columns)

    def _padded(self, text: str, n_cells: int) -> str:
        n_missing = len(self.columns) - n_cells
        return text if not n_missing else text.rstrip("\r\n") + self.delimiter * n_missing + "\n"

    def _parse_whole(self, text: str, n_lines: int) -> pl.DataFrame | None:
        """Lines without quotes; None unless each is a row with exactly as many cells as the header.

        With as many delimiters as that takes, a line with fewer cells means another one with more, and polars refuses
        that one.
        """
        width = len(self.columns)
        if width < MIN_CELLS or text.count(self.delimiter) != n_lines * (width - 1):
            return None
        try:
            rows = self._parse_plain(text)
        except pl.exceptions.PolarsError:
            return None
        return rows if rows.shape == (n_lines, width) else None

    def _parse_plain(self, text: str) -> pl.DataFrame:
        """Lines without quotes, all of the right width."""
        if not text:
            return self._frame([])
        return pl.read_csv(
            BytesIO(text.encode()),
            has_header=False,
            new_columns=list(self.columns),
            separator=self.delimiter,
            quote_char=None,
            infer_schema=False,
        )

    def _parse_quoted(self, part: list[SourceRow], more: Iterator[SourceRow]) -> Chunk:
        rows, lines, broken, n_short = [], [], [], 0
        for line, text in _records(part, more, self):
            row, fault = _parse_record(text, self.delimiter)
            if fault:
                broken.append(BrokenRow(line, legible(text), fault))
            elif not self._is_row(len(row)):
                broken.append(self._wrong_width(line, text, len(row)))
            elif len(text) > MAX_CELL and (long := self._long_cell(row)):
                broken.append(BrokenRow(line, legible(text), long))
            else:
                n_missing = len(self.columns) - len(row)
                n_short += n_missing > 0
                rows.append([*(value or None for value in row), *[None] * n_missing])
                lines.append(line)
        return Chunk(self._frame(rows), lines, broken, n_short)

    def _frame(self, rows: list[list[str | None]]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=dict.fromkeys(self.columns, pl.String), orient="row")

    def _wrong_width(self, line: int, text: str, n_fields: int) -> BrokenRow:
        return BrokenRow(line, legible(text), f"has {n_fields} fields, the header has {len(self.columns)}")

    def _long_cell(self, row: list[str]) -> str:
        """Why the row is refused, where a cell is too long; else empty."""
        return next((long_cell(name, cell) for name, cell in zip(self.columns, row, strict=False) if _long(cell)), "")


def long_cell(column: str, cell: str) -> str:
    """The reason for which a row with that cell is refused."""
    return f"{column!r} has {len(cell):,} characters, at most {MAX_CELL:,} are read; shorten it or leave it out"


def _long(cell: str) -> bool:
    return len(cell) > MAX_CELL


def open_csv(path: Path, delimiter: str | None, encoding: str) -> CsvTable:
    """The table, with the names of its columns.  Raises BadFile."""
    with ByteStream(path) as stream, _text(stream, encoding) as file:
        lines = BoundedLines(path, file.readline)
        header_lines, header = next(((line, text) for line, text in lines if not text.isspace()), (0, ""))
    lines.check()
    if lines.broken:
        raise BadFile(f"{path}: line {lines.broken[0].line} {lines.broken[0].reason}; the header comes after it")
    if not header:
        raise BadFile(f"{path}: is empty")
    if "\0" in header or not _is_utf8(header):
        raise BadFile(f"{path}: is no text in UTF-8; save it as UTF-8")
    bare = QUOTED.sub("", header)
    usual = max(DELIMITERS, key=bare.count)
    columns, fault = _parse_record(header, delimiter or usual)
    if fault:
        raise BadFile(f"{path}: the header {fault}")
    if len(columns) > MAX_COLUMNS:
        raise BadFile(f"{path}: has {len(columns):,} columns, at most {MAX_COLUMNS:,} are read; leave some out")
    return CsvTable(path, unique_names(path, columns), delimiter or usual, header_lines, encoding)


def unique_names(path: Path, columns: list[str]) -> tuple[str, ...]:
    """The names of the columns; one without a name is called column_N.  Raises DuplicateColumn."""
    names = tuple(name.strip() or f"column_{number}" for number, name in enumerate(columns, 1))
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DuplicateColumn(f"{path}: two columns are called {repeated[0]!r}; rename one", names)
    return names


def _records(part: list[SourceRow], more: Iterator[SourceRow], table: CsvTable) -> Iterator[SourceRow]:
    """Records: single lines, and lines joined by quotes to a good row.  An unclosed quote breaks only its own line."""
    waiting = list(reversed(part))
    while waiting:
        line, text = waiting.pop()
        if text.count('"') % 2 == 0:
            if not text.isspace():
                yield line, text
            continue
        quoted = _until_quote(waiting, more, MAX_LINE - len(text))
        joined = text + "".join(following for _, following in quoted)
        if quoted and len(_parse_record(joined, table.delimiter)[0]) == len(table.columns):
            yield line, joined
        else:
            waiting.extend(reversed(quoted))
            yield line, text


def _until_quote(waiting: list[SourceRow], more: Iterator[SourceRow], max_chars: int) -> list[SourceRow]:
    """The following lines up to the one that closes the quotes, at most MAX_LINES_IN_QUOTES or about `max_chars`."""
    taken: list[SourceRow] = []
    while len(taken) < MAX_LINES_IN_QUOTES and max_chars > 0:
        following = waiting.pop() if waiting else next(more, None)
        if following is None:
            return taken
        taken.append(following)
        max_chars -= len(following[1])
        if following[1].count('"') % 2:
            return taken
    return taken


def _parse_record(text: str, delimiter: str) -> tuple[list[str], str]:
    """The fields of a record and an empty text; or no fields and the reason."""
    if not _is_utf8(text):
        return [], NOT_UTF8
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "field larger" in str(error):
            return [], f"has a cell of more than {MAX_CELL:,} characters; shorten it, or leave its column out"
        return [], f"is no CSV: {error}"
    return (rows[0], "") if len(rows) == 1 else ([], "is no CSV: a quote in the wrong place")


def _is_utf8(text: str) -> bool:
    """Whether the text was read from valid UTF-8; invalid bytes became lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(stream: ByteStream, encoding: str) -> TextIOWrapper:
    named = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    return TextIOWrapper(stream, encoding=named, errors="surrogateescape")
