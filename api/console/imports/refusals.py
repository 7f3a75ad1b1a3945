"""Refused lines of an import as CSV: line, reason, and the cells of the file, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from recsys.data.files.spreadsheet_csv import guard_cell
from recsys.errors import BadInput

REJECTS = "rejects"


def refusal_files(home: Path, report: Mapping[str, Any]) -> list[Path]:
    """The files of refused lines that a report names.  Raises BadInput where there are none any more."""
    folder = (home / REJECTS).resolve()
    named = [Path(tally["rejects_file"]) for tally in report["files"] if tally["rejects_file"]]
    kept = [file for file in named if file.resolve().parent == folder and file.is_file()]
    if not kept:
        raise BadInput("there are no refused lines of this import, or they are deleted by now")
    return kept


def refusals_csv(files: Iterable[Path]) -> Iterator[bytes]:
    """The lines piece by piece: they are read twice, for the columns come first."""
    paths = [*files]
    columns = dict.fromkeys(name for row in _rows(paths) for name in row["row"])
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["line", "reason", *map(guard_cell, columns)])
    for row in _rows(paths):
        cells = (_text(row["row"].get(name)) for name in columns)
        writer.writerow([row["line"], row["reason"], *map(guard_cell, cells)])
        if text.tell() > 1 << 16:
            yield text.getvalue().encode()
            text.seek(text.truncate(0))
    yield text.getvalue().encode()


def _rows(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        with file.open("rb") as lines:
            yield from map(orjson.loads, lines)


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
