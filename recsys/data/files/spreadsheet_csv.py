"""CSV export that spreadsheets open safely: cells that they would run as formulas get a guard, an apostrophe."""

import re
from pathlib import Path
from typing import IO

import polars as pl

from recsys.atomic_file import open_private

# An import removes one apostrophe from a cell that matches REMOVED (`column_mapping.text_of`), so that cells come back.
FORMULA = r"(?s)^(?:'*[=+\-@\t\r]|'+\d).*$"
NUMBER = r"^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$"


def write_csv(frame: pl.DataFrame, file: Path | IO[bytes], *, include_header: bool = True) -> None:
    """Writes the frame; text that begins like a formula begins with an apostrophe, numbers stay as they are.

    A file is private, because most name customers.  Raises OSError with its name where it cannot be written.
    """
    if isinstance(file, Path):
        with open_private(file, "wb") as opened:
            write_csv(frame, opened, include_header=include_header)
        return
    guarded = [_guarded(frame[name]) for name, dtype in frame.schema.items() if dtype == pl.String]
    frame.with_columns(guarded).write_csv(file, include_header=include_header)


def guard_cell(value: object) -> object:
    """A single value as `write_csv` writes it."""
    is_formula = isinstance(value, str) and re.match(FORMULA, value) and not re.match(NUMBER, value)
    return f"'{value}" if is_formula else value


def _guarded(column: pl.Series) -> pl.Series:
    is_formula = column.str.contains(FORMULA) & ~column.str.contains(NUMBER)
    return ("'" + column).zip_with(is_formula.fill_null(False), column).alias(column.name)
