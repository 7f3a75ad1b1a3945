"""Reader of CSV: text with a header and a separator; every value is text, an empty one is null."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from recsys.data.files.formats.byte_stream import ByteStream, translated_errors
from recsys.data.files.formats.file_table import BrokenRow, Chunk, DuplicateColumn, legible
from recsys.data.files.formats.limits import MAX_CELL, MAX_COLUMNS, MAX_LINE, chunk_rows
from recsys.data.files.formats.lines import BoundedLines
from recsys.data.ids import INVISIBLE
from recsys.errors import BadFile

DELIMITERS = (",", ";", "\t", "|", "::")
UNIT = "\x1f"  # stands for ::, because CSV has a single sign between cells
BREAKS = re.compile(r"\s*[\r\n]\s*|[\u00a0\u202f]")
QUOTED = re.compile(r'"[^"]*"')
MIN_CELLS = 2  # a line with a single cell, in a file of several columns, is a heading or a footer
MAX_LINES_IN_QUOTES = 100
NOT_UTF8 = "is not UTF-8; save the file as UTF-8"

SEPARATOR_LINE = re.compile(r'^\ufeff?"?sep=(.)"?\s*$', re.IGNORECASE)  # of Excel
SAMPLE_LINES = 5  # below a header with several separators: they show which one it is
MOST_TITLES = 20  # lines above the header that are titles or comments
ESCAPES: tuple[dict[str, Any], ...] = (  # ways of quoting that make a row of a line that is none
    {"skipinitialspace": True},
    {"escapechar": "\\", "doublequote": False},
)
SIGNATURES = (
    (b"PK\x03\x04", "is a ZIP archive or a workbook; let its name end with .zip or .xlsx"),
    (b"\x1f\x8b", "is compressed with gzip; let its name end with .gz"),
    (b"\x28\xb5\x2f\xfd", "is compressed with Zstandard; let its name end with .zst"),
    (b"PAR1", "is a Parquet file; let its name end with .parquet"),
    (b"\xd0\xcf\x11\xe0", "is a workbook of an old Excel; save it as .xlsx"),
    (b"%PDF", "is a PDF; export it as a table"),
)
NO_ESCAPES: Mapping[str, Any] = {}
MARKUP = re.compile(rb"(?i)\s*<(!doctype|html|\?xml|table)")

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
            lines = BoundedLines(self.path, _readline(file, self.delimiter))
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
        width = len(self.columns)
        part = [(line, self._without_extra(text)) for line, text in part if not text.isspace()]
        counts = [text.count(self.delimiter) + 1 for _, text in part]
        pairs = [*zip(part, counts, strict=True)]
        good = [(line, self._padded(text, count)) for (line, text), count in pairs if self._is_row(count)]
        broken = [self._wrong_width(*pair, count) for pair, count in pairs if not self._is_row(count)]
        n_short = len(good) - counts.count(width)
        return Chunk(self._parse_plain("".join(text for _, text in good)), [line for line, _ in good], broken, n_short)

    def _is_row(self, n_cells: int) -> bool:
        """Whether it has as many cells as the header, or fewer: spreadsheets leave out empty cells at the end."""
        return min(MIN_CELLS, len(self.columns)) <= n_cells <= len(self.columns)

    def _without_extra(self, text: str) -> str:
        """The line without empty cells to the right of the last column."""
        n_extra = text.count(self.delimiter) + 1 - len(self.columns)
        bare = text.rstrip("\r\n") if n_extra > 0 else ""
        return bare[:-n_extra] + "\n" if n_extra > 0 and bare.endswith(self.delimiter * n_extra) else text

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
            row, fault = self._parse_row(text)
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

    def _parse_row(self, text: str) -> tuple[list[str], str]:
        """The cells of a record without empty ones to the right of the last column, as `_parse_record`."""
        width = len(self.columns)
        row, fault = _parse_record(text, self.delimiter)
        if fault or len(row) != width:
            others = (_parse_record(text, self.delimiter, escapes)[0] for escapes in ESCAPES)
            row, fault = next(((other, "") for other in others if len(other) == width), (row, fault))
        while len(row) > width and not row[-1]:
            row.pop()
        return row, fault

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


def open_csv(path: Path, delimiter: str | None, encoding: str, names: Sequence[str] = ()) -> CsvTable:
    """The table, with the names of its columns.  names: where no line of the file holds them.  Raises BadFile."""
    with ByteStream(path) as stream, _text(stream, encoding) as file:
        _check_signature(path, stream.peek(16))
        lines = BoundedLines(path, file.readline)
        header_lines, header, named = _find_header(lines, delimiter)
        signs = sum(header.count(sign) > 0 for sign in DELIMITERS)
        rows = [text for _, text in islice(lines, SAMPLE_LINES)] if signs > 1 else []
    lines.check()
    if lines.broken:
        raise BadFile(f"{path}: line {lines.broken[0].line} {lines.broken[0].reason}; the header comes after it")
    if not header:
        raise BadFile(f"{path}: is empty")
    if "\0" in header or not _is_utf8(header):
        raise BadFile(f"{path}: is no text in UTF-8; save it as UTF-8")
    delimiter = delimiter or named or _guess_delimiter(header, rows)
    delimiter = UNIT if delimiter == "::" else delimiter
    if names:
        return CsvTable(path, unique_names(path, [*names]), delimiter, 0, encoding)
    columns, fault = _parse_record(header.replace("::", UNIT) if delimiter == UNIT else header, delimiter)
    if fault:
        raise BadFile(f"{path}: the header {fault}")
    if len(columns) > MAX_COLUMNS:
        raise BadFile(f"{path}: has {len(columns):,} columns, at most {MAX_COLUMNS:,} are read; leave some out")
    return CsvTable(path, unique_names(path, columns), delimiter, header_lines, encoding)


def _check_signature(path: Path, start: bytes) -> None:
    """Raises BadFile for the first bytes of another format."""
    fault = next((fault for signature, fault in SIGNATURES if start.startswith(signature)), None)
    if MARKUP.match(start):
        fault = "is HTML or XML, such as a page that asks to log in; export it as a table"
    if fault is not None:
        raise BadFile(f"{path}: {fault}, or save it as UTF-8 text")


def _find_header(lines: BoundedLines[str], delimiter: str | None) -> tuple[int, str, str | None]:
    """The number and text of the line with the names of the columns, and the separator that a line above it names.

    Above it may stand a line `sep=;`, comments that begin with # and titles, which fill a single cell.
    """
    filled = _whole_lines(lines)
    number, text = next(filled, (0, ""))
    named = SEPARATOR_LINE.match(text)
    if named:
        number, text = next(filled, (0, ""))
    if not text or (not text.startswith("#") and _n_filled(text, delimiter) >= MIN_CELLS):
        return number, text, named and named[1]
    below = islice(filled, MOST_TITLES)
    header = next(
        ((at, row) for at, row in below if not row.startswith("#") and _n_filled(row, delimiter) >= MIN_CELLS), None
    )
    is_title = header is not None and not (
        text.startswith("#") and _n_filled(text, delimiter) == _n_filled(header[1], delimiter)
    )
    return (*(header if header is not None and is_title else (number, text)), named and named[1])


def _whole_lines(lines: Iterator[SourceRow]) -> Iterator[SourceRow]:
    """The lines that are not empty; those of a text in quotes joined, with the number of the last."""
    for number, text in lines:
        is_open = text.count('"') % 2 == 1
        quoted = _until_quote([], lines, MAX_LINE - len(text)) if is_open else []
        whole = text + "".join(following for _, following in quoted)
        if not whole.isspace():
            yield (quoted[-1][0] if quoted else number), whole


def _guess_delimiter(header: str, rows: list[str]) -> str:
    """The separator that parts as many cells in the rows as in the header, else the most frequent one of the header."""
    bare, others = QUOTED.sub("", header), [QUOTED.sub("", row) for row in rows if not row.isspace()]
    n_equal = {sign: sum(row.count(sign) == bare.count(sign) > 0 for row in others) for sign in DELIMITERS}
    return max(DELIMITERS, key=lambda sign: (n_equal[sign], bare.count(sign)))


def _n_filled(text: str, delimiter: str | None) -> int:
    """How many cells of a line hold something.  delimiter: None stands for the most frequent one of the line."""
    bare = QUOTED.sub(lambda cell: "x" if len(cell[0]) > 2 else "", text)
    return sum(bool(cell.strip()) for cell in bare.split(delimiter or max(DELIMITERS, key=bare.count)))


def unique_names(path: Path, columns: list[str]) -> tuple[str, ...]:
    """The names of the columns; one without a name is called column_N.  Raises DuplicateColumn.

    Line ends and blanks that do not break become blanks; what nobody sees at the ends is left out.
    """
    plain = (BREAKS.sub(" ", name).strip(INVISIBLE).strip() for name in columns)
    names = tuple(name or f"column_{number}" for number, name in enumerate(plain, 1))
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


def _parse_record(text: str, delimiter: str, escapes: Mapping[str, Any] = NO_ESCAPES) -> tuple[list[str], str]:
    """The fields of a record and an empty text; or no fields and the reason.  escapes: one of ESCAPES."""
    if not _is_utf8(text):
        return [], NOT_UTF8
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True, **escapes))
    except csv.Error as error:
        if "field larger" in str(error):
            return [], f"has a cell of more than {MAX_CELL:,} characters; shorten it, or leave its column out"
        return [], f"is no CSV: {error}"
    return (rows[0], "") if len(rows) == 1 else ([], "is no CSV: a quote in the wrong place")


def _readline(file: TextIOWrapper, delimiter: str) -> Callable[[int], str]:
    return file.readline if delimiter != UNIT else lambda size: file.readline(size).replace("::", UNIT)


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
