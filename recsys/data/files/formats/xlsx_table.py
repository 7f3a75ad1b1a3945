"""Reader of Excel workbooks (.xlsx): typed cells of one sheet, read by a worker process with limited memory."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson
import polars as pl

from recsys.data.files.formats.csv_table import unique_names
from recsys.data.files.formats.file_table import BrokenRow, Chunk
from recsys.data.files.formats.json_table import typed_series
from recsys.data.files.formats.limits import MAX_COLUMNS, WORKER_MEMORY, WORKER_SECONDS, chunk_rows
from recsys.errors import BadFile

WORKER = "recsys.data.files.formats.xlsx_worker"
CANNOT = f"takes more than {WORKER_MEMORY >> 20:,} MiB or {WORKER_SECONDS} s to read; save the sheet as CSV"


@dataclass(frozen=True, slots=True)
class XlsxTable:
    """One sheet; `lines` are the numbers of its rows.  n_rows: of the whole sheet.  sheets: of the workbook."""

    path: Path
    columns: tuple[str, ...]
    sheet: str | None
    n_rows: int
    sheets: tuple[str, ...] = ()

    @property
    def sheet_name(self) -> str:
        """The name of the sheet."""
        return self.sheet or self.sheets[0]

    @property
    def other_sheets(self) -> tuple[str, ...]:
        """The names of the other sheets of the workbook."""
        return tuple(name for name in self.sheets if name != self.sheet_name)

    def chunks(self, rows: int) -> Iterator[Chunk]:
        size = self.path.stat().st_size
        with _worker(self.path, self.sheet) as out:
            lines = islice(out, 1, None)
            while part := [orjson.loads(line) for line in islice(lines, chunk_rows(rows, len(self.columns)))]:
                yield self._chunk(part)._replace(position=size * part[-1][0] // max(self.n_rows, part[-1][0]))

    def _chunk(self, part: list[tuple[int, list[Any] | str]]) -> Chunk:
        width = len(self.columns)
        broken, lines, rows = list[BrokenRow](), list[int](), list[list[Any]]()
        for line, cells in part:
            if isinstance(cells, str):
                broken.append(BrokenRow(line, "", cells))
            elif any(cell is not None for cell in cells[width:]):
                broken.append(BrokenRow(line, str(cells)[:200], "has cells to the right of the last column's name"))
            else:
                lines.append(line)
                rows.append(cells[:width])
        columns = [typed_series(name, [row[at] for row in rows]) for at, name in enumerate(self.columns)]
        return Chunk(pl.DataFrame(columns), lines, broken)


def open_xlsx(path: Path, sheet: str | None) -> XlsxTable:
    """The sheet of that name, else the first, with the names of its columns.  Raises BadFile."""
    with _worker(path, sheet) as out:
        header = orjson.loads(next(out, b"{}"))
    if "fault" in header:
        raise BadFile(f"{path}: {header['fault']}")
    if "columns" not in header:
        raise BadFile(f"{path}: the sheet is empty; name another with --sheet")
    names = header["columns"]
    while names and not names[-1].strip():
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise BadFile(f"{path}: has {len(names):,} columns, at most {MAX_COLUMNS:,} are read; leave some out")
    return XlsxTable(path, unique_names(path, names), sheet, header["rows"], tuple(header["sheets"]))


@contextmanager
def _worker(path: Path, sheet: str | None) -> Iterator[IO[bytes]]:
    """The output of a worker.  Raises BadFile when it ends early, and ends it when nobody reads on."""
    command = [sys.executable, "-m", WORKER, str(path), *([] if sheet is None else [sheet])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
        assert worker.stdout is not None
        try:
            yield worker.stdout
            is_read = not worker.stdout.read(1)
        except BaseException:
            worker.kill()
            raise
        if not is_read:
            worker.kill()
        elif worker.wait():
            raise BadFile(f"{path}: {CANNOT}")
