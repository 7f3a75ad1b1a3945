"""Reader of JSON: an object on each line, or objects of an array, in columns typed where all values have one type."""

import codecs
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from recsys.data.files.formats.byte_stream import ByteStream, translated_errors
from recsys.data.files.formats.csv_table import long_cell
from recsys.data.files.formats.file_table import BrokenRow, Chunk, legible
from recsys.data.files.formats.json_objects import JsonObjects, object_texts
from recsys.data.files.formats.limits import CHUNK_CELLS, CHUNK_CHARS, MAX_CELL, MAX_COLUMNS
from recsys.data.files.formats.lines import BoundedLines
from recsys.errors import BadFile

ROWS_TO_FIND_KEYS = 10_000
MAX_DEPTH = 200  # lists and objects within each other; orjson writes 254


@dataclass(frozen=True, slots=True)
class JsonTable:
    """A JSON object per line.  A missing key is null; `columns` are the keys of the first lines."""

    path: Path
    columns: tuple[str, ...]

    def chunks(self, rows: int) -> Iterator[Chunk]:
        keys = dict.fromkeys(self.columns)
        with translated_errors(self.path), ByteStream(self.path) as file:
            lines = object_texts(self.path, file)
            while (chunk := self._chunk(lines, rows, keys)).n_lines or lines.has_more:
                yield chunk._replace(position=file.position)

    def _chunk(self, lines: BoundedLines[bytes] | JsonObjects, rows: int, keys: dict[str, None]) -> Chunk:
        """The next lines.  keys: of the file so far; gets the new ones."""
        lines.check()
        objects, numbers, broken, n_chars = list[dict[str, Any]](), list[int](), list[BrokenRow](), 0
        for line, text in lines:
            value, fault = _parse_object(text)
            if fault:
                broken.append(BrokenRow(line, _decoded(text), fault))
            elif value is not None:
                keys.update(dict.fromkeys(value))
                objects.append(value)
                numbers.append(line)
            self._check_keys(line, keys)
            n_chars += len(text)
            n_lines = len(objects) + len(broken)
            if n_lines >= rows or n_chars >= CHUNK_CHARS or n_lines * len(keys) >= CHUNK_CELLS:
                break
        return Chunk(object_frame(objects, self.columns), numbers, sorted(broken + lines.take_broken()))

    def _check_keys(self, line: int, keys: dict[str, None]) -> None:
        if len(keys) > MAX_COLUMNS:
            raise BadFile(
                f"{self.path}: the lines up to {line:,} have more than {MAX_COLUMNS:,} different keys, such as "
                f"{list(keys)[-1][:100]!r}; write what varies, such as an id, as a value and not as a key"
            )


def open_json(path: Path) -> JsonTable:
    """The table, with the keys of its first lines.  Raises BadFile."""
    first = next(JsonTable(path, ()).chunks(ROWS_TO_FIND_KEYS), None)
    if first is None:
        raise BadFile(f"{path}: is empty")
    return JsonTable(path, tuple(first.rows.columns))


def object_frame(objects: list[dict[str, Any]], columns: tuple[str, ...]) -> pl.DataFrame:
    """A column for each key, in order of appearance, after the given ones."""
    keys = dict.fromkeys(columns)
    for row in objects:
        keys.update(dict.fromkeys(row))
    series = [typed_series(key, [row.get(key) for row in objects]) for key in keys]
    return pl.DataFrame(series) if series else pl.DataFrame(height=len(objects))


def typed_series(name: str, values: list[Any]) -> pl.Series:
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


def _parse_object(text: bytes) -> tuple[dict[str, Any] | None, str]:
    """The object of a line, None for an empty line; or the reason why there is none."""
    if text.isspace():
        return None, ""
    try:
        value = orjson.loads(text.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        value = _with_constants(text)
        if value is None:
            return None, f"is no JSON: {error.msg}"
    if not isinstance(value, dict):
        return None, "is no JSON object"
    return value, _excess(value, text)


def _with_constants(text: bytes) -> Any:
    """The value of JSON as Python writes it, where NaN stands for no value; None for what is no JSON either."""
    with suppress(ValueError):
        return json.loads(text, parse_constant=lambda _: None) if b"NaN" in text or b"Infinity" in text else None
    return None


def _excess(value: dict[str, Any], text: bytes) -> str:
    """Why the object is refused: it is nested too deeply, or a text is too long; else empty."""
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        return f"is nested deeper than {MAX_DEPTH} levels; write flat values"
    if len(text) > MAX_CELL:
        texts = ((key, cell) for key, cell in value.items() if isinstance(cell, str) and len(cell) > MAX_CELL)
        return next((long_cell(key, cell) for key, cell in texts), "")
    return ""


def _depth(value: object) -> int:
    """Levels of lists and objects, counted no further than MAX_DEPTH + 1."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        nested = [part for part in level if isinstance(part, dict | list)]
        level = [inner for part in nested for inner in (part.values() if isinstance(part, dict) else part)]
        depth += bool(nested)
    return depth


def _json_text(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)  # 2.0 is 2, whatever else the column holds
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _decoded(text: bytes) -> str:
    return legible(text.decode(errors="replace"))
