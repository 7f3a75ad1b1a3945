"""Worker process that reads a sheet of a workbook: its memory is limited, whatever the workbook expands to.

`python -m recsys.data.files.formats.xlsx_worker FILE [SHEET]` writes JSON lines: the header as {line, columns, rows,
sheets}, then [line, cells], or [line, reason] for a row that cannot be read; or {fault} in place of the header.
"""

import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

import orjson
import python_calamine

from recsys.data.files.formats.limits import MAX_CELL, MAX_LINE, WORKER_MEMORY, WORKER_SECONDS

MIN_CELLS = 2  # a row with a single cell above the table is its title
MAX_EXACT = 1e15  # a workbook keeps 15 digits of a number


def main(path: str, sheet_name: str | None = None) -> None:
    """Writes the first sheet, or the one of that name, to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (WORKER_MEMORY, WORKER_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (WORKER_SECONDS, WORKER_SECONDS))
    out = sys.stdout.buffer
    try:
        book = python_calamine.load_workbook(path)
        sheet = _sheet(book, sheet_name)
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        out.write(orjson.dumps({"fault": str(error)}))
        return
    for row in _rows(sheet, book.sheet_names):
        out.write(orjson.dumps(row) + b"\n")


def _sheet(book: python_calamine.CalamineWorkbook, name: str | None) -> python_calamine.CalamineSheet:
    if name is not None and name not in book.sheet_names:
        raise ValueError(f"has no sheet {name!r}; it has {', '.join(book.sheet_names)}")
    return book.get_sheet_by_index(0) if name is None else book.get_sheet_by_name(name)


def _rows(sheet: python_calamine.CalamineSheet, sheets: list[str]) -> Iterator[Any]:
    first = (sheet.start or (0, 0))[0] + 1
    header = _header(sheet)
    for index, cells in enumerate(sheet.iter_rows()):
        if index == header:
            names = [cell if isinstance(cell, str) else str(_plain(cell)) for cell in cells]
            yield {"line": first + index, "columns": names, "rows": sheet.height, "sheets": sheets}
        elif index > header and any(cell != "" for cell in cells):
            yield first + index, _row(cells)


def _header(sheet: python_calamine.CalamineSheet) -> int:
    """The first row with several cells, else the first with any, else -1."""
    first = -1
    for index, cells in enumerate(sheet.iter_rows()):
        n_filled = sum(cell != "" for cell in cells)
        if n_filled >= MIN_CELLS:
            return index
        if n_filled and first < 0:
            first = index
    return first


def _row(cells: list[Any]) -> list[Any] | str:
    lengths = [len(cell) for cell in cells if isinstance(cell, str)]
    if max(lengths, default=0) > MAX_CELL or sum(lengths) > MAX_LINE:
        return f"has a cell of more than {MAX_CELL:,} characters, or {MAX_LINE:,} in all; shorten it or leave it out"
    return [_plain(cell) for cell in cells]


def _plain(cell: Any) -> Any:
    """The cell as JSON: whole numbers without a fraction, days as 2024-01-31; a number that was rounded says so."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell) if abs(cell) < MAX_EXACT else f"{cell:.14E}"
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, bool | int | float):
        return cell
    return str(cell) or None


if __name__ == "__main__":
    main(*sys.argv[1:])
