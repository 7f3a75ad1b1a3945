"""Files of an evaluation as the command line names them, read and checked against each other."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eval.cli.presentation import reading_progress
from eval.files.file_rows import FileRows
from eval.files.item_names import read_item_names
from eval.files.loader import check_shared, read_rows
from eval.files.timestamps import check_order
from recsys.cli.given_files import STDIN, single_files
from recsys.data.files.column_mapping import ColumnMapping
from recsys.progress import StepLog


def read_given(
    files: tuple[Path, Path], items: Path | None, written: ColumnMapping, steps: StepLog, *, lowest: float = 0.0
) -> tuple[FileRows, FileRows]:
    """The rows with a value above `lowest` to learn from, and those to judge by.

    items: a file with the names of items.  written: how the files are written, with the columns of --map.
    Raises BadFile, BadInput, NotEnoughData.
    """
    with steps("read"), single_files([*files, *([items] if items is not None else [])], written) as paths:
        progress = reading_progress(steps)
        given = (
            _named(read_rows(path, (), lowest, written=written, progress=progress.file(path)), file)
            for path, file in zip(paths[:2], files, strict=True)
        )
        train, test = given
        names: Mapping[str, str] = read_item_names(paths[2], written) if items is not None else {}
    train, test = train.with_names(names), test.with_names(names)
    check_shared(train, test)
    check_order(train, test)
    return train, test


def _named(rows: FileRows, file: Path) -> FileRows:
    """The rows under the name that the reader knows, which a copy of standard input does not have."""
    return replace(rows, facts=replace(rows.facts, path="standard input")) if file == STDIN else rows
