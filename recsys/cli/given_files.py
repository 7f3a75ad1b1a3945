"""Files that a command is given: standard input as a file, and the members of ZIP archives."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from recsys.errors import BadInput

if TYPE_CHECKING:
    from recsys.data.files.column_mapping import ColumnMapping

STDIN = Path("-")


@contextmanager
def given_files(files: Sequence[Path], mapping: "ColumnMapping") -> Iterator[list[Path]]:
    """The files, each as one table: `-` is kept in a file for as long, an archive becomes its members.

    Raises BadInput where members have different columns, BadFile for an archive without data.
    """
    with TemporaryDirectory(prefix="recsys-") as folder:
        yield [member for file in files for member in _members(_on_disk(file, Path(folder), mapping), mapping)]


@contextmanager
def single_files(files: Sequence[Path], mapping: "ColumnMapping") -> Iterator[list[Path]]:
    """The files, each as one table: `-` is kept in a file for as long, of an archive the member of the mapping counts.

    Raises BadInput where two are standard input.
    """
    if files.count(STDIN) > 1:
        raise BadInput("-: standard input can be only one of the files; write another one down")
    with TemporaryDirectory(prefix="recsys-") as folder:
        copies = [_on_disk(file, Path(folder), mapping) for file in files]
        yield [file / mapping.member if mapping.member and _is_archive(file) else file for file in copies]


def _is_archive(file: Path) -> bool:
    return file.suffix.lower() == ".zip"


def _on_disk(file: Path, folder: Path, mapping: "ColumnMapping") -> Path:
    if file != STDIN:
        return file
    if mapping.file_format is None:
        raise BadInput("-: say how standard input is written, such as --format csv")
    copy = folder / f"standard-input.{mapping.file_format}"
    if not copy.exists():
        with copy.open("wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out)
    return copy


def _members(file: Path, mapping: "ColumnMapping") -> list[Path]:
    from recsys.data.files.readers import data_files
    from recsys.data.files.source import open_source

    members = data_files(file) if mapping.member is None or not _is_archive(file) else [file / mapping.member]
    columns = {member: open_source(member, mapping).columns for member in members} if len(members) > 1 else {}
    for member, names in columns.items():
        if set(names) != set(columns[members[0]]):
            raise BadInput(
                f"{members[0]} and {member} have different columns; name what belongs together, such as "
                f"--member {members[0].relative_to(file)}"
            )
    return members
