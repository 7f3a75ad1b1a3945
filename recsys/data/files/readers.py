"""File readers in chunks: CSV, JSONL (each also .gz) and Parquet, with the line number of every row."""

import codecs
import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol, cast

import orjson
import polars as pl

from recsys.errors import BadFile

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".parquet")
DELIMITERS = ",;\t|"
QUOTED = re.compile(r'"[^"]*"')
MIN_CELLS = 2  # a line with a single cell, in a file of several columns, is a heading or a footer
MAX_LINES_IN_QUOTES = 100
ROWS_TO_FIND_KEYS = 10_000
NOT_UTF8 = "is not UTF-8; save the file as UTF-8"

SourceRow = tuple[int, str]


class DuplicateColumn(BadFile):
    """Two columns have the same name; `names` are all names.  The file may have no header."""

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.names = names


class BrokenRow(NamedTuple):
    """A line that could not be parsed, and the reason."""

    line: int
    text: str
    reason: str


class Chunk(NamedTuple):
    """Some rows of a file, in its order; lines (n,): the first line of each row, from 1 with the header.

    n_short: rows with fewer cells than the header, whose last cells are read as empty.  n_left_out: rows that the
    conditions of the mapping leave out; they are not in `rows`.
    """

    rows: pl.DataFrame
    lines: list[int]
    broken: list[BrokenRow]
    n_short: int = 0
    n_left_out: int = 0


class FileTable(Protocol):
    """A file of rows.  Reading raises `BadFile` when the file is damaged; a single bad line is a `BrokenRow`."""

    @property
    def path(self) -> Path: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    def n_rows(self) -> int:
        """The number of rows for a progress bar; too high if quoted text spans lines."""

    def chunks(self, rows: int) -> Iterator[Chunk]:
        """All rows, at most about `rows` at a time, so that memory stays bounded for any size of file."""


def open_table(path: Path, *, delimiter: str | None = None, encoding: str = "utf-8") -> FileTable:
    """The file as a table, by its suffix; the columns are read at once.  Raises `BadFile`.

    delimiter, encoding: of a CSV; without a delimiter, it is the candidate that occurs most often in the header.
    """
    name = path.name.lower()
    if not path.is_file():
        raise BadFile(f"{path}: no such file" if not path.exists() else f"{path}: not a file")
    if not name.endswith(SUFFIXES):
        raise BadFile(f"{path}: cannot tell what it is; the name must end with one of {', '.join(SUFFIXES)}")
    with _translated_errors(path):
        if name.endswith(".parquet"):
            return ParquetTable(path, tuple(pl.read_parquet_schema(path)))
        if ".json" in name or ".ndjson" in name:
            first = next(JsonTable(path, ()).chunks(ROWS_TO_FIND_KEYS), None)
            if first is None:
                raise BadFile(f"{path}: is empty")
            return JsonTable(path, tuple(first.rows.columns))
        return _csv_table(path, delimiter, encoding)


@dataclass(frozen=True, slots=True)
class CsvTable:
    """Comma-separated text with a header; every value is text, an empty one is null."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    header_lines: int
    encoding: str = "utf-8"

    def n_rows(self) -> int:
        return max(_count_lines(self.path) - self.header_lines, 0)

    def chunks(self, rows: int) -> Iterator[Chunk]:
        with _translated_errors(self.path), _text(self.path, self.encoding) as file:
            lines = islice(enumerate(file, 1), self.header_lines, None)
            while part := list(islice(lines, rows)):
                yield self._chunk(part, lines)

    def _chunk(self, part: list[SourceRow], more: Iterator[SourceRow]) -> Chunk:
        joined = "".join(text for _, text in part)
        if '"' in joined or not _is_utf8(joined):
            return self._parse_quoted(part, more)
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
                broken.append(BrokenRow(line, _legible(text), fault))
            elif not self._is_row(len(row)):
                broken.append(self._wrong_width(line, text, len(row)))
            else:
                n_missing = len(self.columns) - len(row)
                n_short += n_missing > 0
                rows.append([*(value or None for value in row), *[None] * n_missing])
                lines.append(line)
        return Chunk(self._frame(rows), lines, broken, n_short)

    def _frame(self, rows: list[list[str | None]]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=dict.fromkeys(self.columns, pl.String), orient="row")

    def _wrong_width(self, line: int, text: str, n_fields: int) -> BrokenRow:
        return BrokenRow(line, _legible(text), f"has {n_fields} fields, the header has {len(self.columns)}")


@dataclass(frozen=True, slots=True)
class JsonTable:
    """A JSON object per line.  A missing key is null; `columns` are the keys of the first lines."""

    path: Path
    columns: tuple[str, ...]

    def n_rows(self) -> int:
        return _count_lines(self.path)

    def chunks(self, rows: int) -> Iterator[Chunk]:
        with _translated_errors(self.path), _binary(self.path) as file:
            lines = enumerate(file, 1)
            while part := list(islice(lines, rows)):
                yield self._chunk(part)

    def _chunk(self, part: list[tuple[int, bytes]]) -> Chunk:
        objects, lines, broken = [], [], []
        for line, text in part:
            if text.isspace():
                continue
            try:
                value = orjson.loads(text.removeprefix(codecs.BOM_UTF8))
            except orjson.JSONDecodeError as error:
                broken.append(BrokenRow(line, _decoded(text), f"is no JSON: {error.msg}"))
                continue
            if isinstance(value, dict):
                objects.append(value)
                lines.append(line)
            else:
                broken.append(BrokenRow(line, _decoded(text), "is no JSON object"))
        return Chunk(object_frame(objects, self.columns), lines, broken)


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """Typed columns; `lines` are row numbers from 1."""

    path: Path
    columns: tuple[str, ...]

    def n_rows(self) -> int:
        with _translated_errors(self.path):
            return int(pl.scan_parquet(self.path).select(pl.len()).collect().item())

    def chunks(self, rows: int) -> Iterator[Chunk]:
        line = 1
        with _translated_errors(self.path):
            for batch in pl.scan_parquet(self.path).collect_batches(chunk_size=rows, maintain_order=True):
                for part in batch.iter_slices(rows):
                    yield Chunk(part, list(range(line, line + part.height)), [])
                    line += part.height


def _csv_table(path: Path, delimiter: str | None, encoding: str) -> CsvTable:
    with _text(path, encoding) as file:
        header_lines, header = next(((line, text) for line, text in enumerate(file, 1) if not text.isspace()), (0, ""))
    if not header:
        raise BadFile(f"{path}: is empty")
    if "\0" in header or not _is_utf8(header):
        raise BadFile(f"{path}: is no text in UTF-8; save it as UTF-8")
    bare = QUOTED.sub("", header)
    usual = "\t" if ".tsv" in path.name.lower() else max(DELIMITERS, key=bare.count)
    columns, fault = _parse_record(header, delimiter or usual)
    if fault:
        raise BadFile(f"{path}: the header {fault}")
    return CsvTable(path, _unique_names(path, columns), delimiter or usual, header_lines, encoding)


def _unique_names(path: Path, columns: list[str]) -> tuple[str, ...]:
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
        quoted = _until_quote(waiting, more)
        joined = text + "".join(following for _, following in quoted)
        if quoted and len(_parse_record(joined, table.delimiter)[0]) == len(table.columns):
            yield line, joined
        else:
            waiting.extend(reversed(quoted))
            yield line, text


def _until_quote(waiting: list[SourceRow], more: Iterator[SourceRow]) -> list[SourceRow]:
    """The following lines up to the one that closes the quotes, at most MAX_LINES_IN_QUOTES."""
    taken: list[SourceRow] = []
    while len(taken) < MAX_LINES_IN_QUOTES:
        following = waiting.pop() if waiting else next(more, None)
        if following is None:
            return taken
        taken.append(following)
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
        return [], f"is no CSV: {error}"
    return (rows[0], "") if len(rows) == 1 else ([], "is no CSV: a quote in the wrong place")


def object_frame(objects: list[dict[str, Any]], columns: tuple[str, ...]) -> pl.DataFrame:
    """A column for each key, in order of appearance, after the given ones."""
    keys = dict.fromkeys(columns)
    for row in objects:
        keys.update(dict.fromkeys(row))
    series = [_series(key, [row.get(key) for row in objects]) for key in keys]
    return pl.DataFrame(series) if series else pl.DataFrame(height=len(objects))


def _series(name: str, values: list[Any]) -> pl.Series:
    """Typed if all values have one type (number, text, boolean, list), else each value as JSON text.

    Lists of text and numbers are lists of text.
    """
    types = {type(value) for value in values} - {type(None)}
    if not types:
        return pl.Series(name, values, pl.String)
    if len(types) == 1 and types <= {str, bool, float}:
        return pl.Series(name, values)
    if types <= {int, float} and all(abs(value) < 2**53 for value in values if value is not None):
        return pl.Series(name, values, pl.Int64 if types == {int} else pl.Float64)
    if types == {list} and {type(part) for value in values for part in value or ()} <= {str, int, float}:
        texts = [None if value is None else [_json_text(part) for part in value] for value in values]
        return pl.Series(name, texts, pl.List(pl.String))
    return pl.Series(name, [_json_text(value) for value in values], pl.String)


def _json_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _is_utf8(text: str) -> bool:
    """Whether the text was read from valid UTF-8; invalid bytes became lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _legible(text: str) -> str:
    """The line without its line end; bytes that are no UTF-8 become the replacement character."""
    return text.rstrip("\n").encode(errors="surrogateescape").decode(errors="replace")


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace").rstrip("\r\n")


def _binary(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.name.lower().endswith(".gz") else path.open("rb")


def _text(path: Path, encoding: str) -> IO[str]:
    named = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    return TextIOWrapper(_binary(path), encoding=named, errors="surrogateescape")


def _count_lines(path: Path) -> int:
    last, n = b"\n", 0
    with _translated_errors(path), _binary(path) as file:
        while block := file.read(1 << 20):
            n += block.count(b"\n")
            last = block[-1:]
    return n + (last != b"\n")


@contextmanager
def _translated_errors(path: Path) -> Iterator[None]:
    """Errors of a damaged file as `BadFile`."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(f"{path}: cannot be read to its end: {error}") from None
    except UnicodeError as error:
        raise BadFile(f"{path}: is not in the encoding named by --encoding: {error}") from None
    except pl.exceptions.PolarsError as error:
        raise BadFile(f"{path}: damaged, or not what its name says: {error}") from None
