"""File readers: a file opened as a table by the suffix of its name, or by the format that is named."""

from collections.abc import Sequence
from pathlib import Path

from recsys.data.files.formats.byte_stream import (
    COMPRESSIONS,
    split_member,
    translated_errors,
    uncompressed_name,
    zip_members,
)
from recsys.data.files.formats.csv_table import open_csv
from recsys.data.files.formats.file_table import FileTable
from recsys.data.files.formats.json_table import open_json
from recsys.data.files.formats.parquet_table import open_parquet
from recsys.data.files.formats.xlsx_table import open_xlsx
from recsys.errors import BadFile

TEXT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
COMPRESSED = tuple(kind + compression for compression in COMPRESSIONS for kind in TEXT_SUFFIXES)
SUFFIXES = (*TEXT_SUFFIXES, *COMPRESSED, ".parquet", ".xlsx", ".zip")  # of files that a folder is looked through for
NAMED_SUFFIXES = (".json", ".json.gz", ".json.zst")  # read where they are named: others may be manifests
READ_SUFFIXES = (*SUFFIXES, *NAMED_SUFFIXES)
PLAIN_SUFFIXES = (".txt", ".dat", ".data")  # of what is mostly CSV, and is read as such with --format csv
FORMATS = ("csv", "tsv", "jsonl", "parquet", "xlsx")


def open_table(
    path: Path,
    *,
    delimiter: str | None = None,
    header: Sequence[str] = (),
    encoding: str = "utf-8",
    sheet: str | None = None,
    file_format: str | None = None,
) -> FileTable:
    """The file as a table; the columns are read at once.  A path may lead into a ZIP archive: `export.zip/orders.csv`.

    delimiter, encoding: of a CSV; without a delimiter, it is the candidate that occurs most often in the header.
    header: names of the columns of a CSV, where no line holds them.
    sheet: of a workbook, else the first.  file_format: one of FORMATS, in place of the suffix.  Raises `BadFile`.
    """
    file, member = split_member(path)
    if not file.is_file():
        raise BadFile(f"{path}: no such file" if not path.exists() else f"{path}: not a file")
    if not member and path.name.lower().endswith(".zip"):
        path = _only_member(path)
    match _format(path, file_format):
        case "parquet" | "xlsx" if split_member(path)[1]:
            raise BadFile(f"{path}: is read only outside of an archive; unpack it")
        case "parquet":
            return open_parquet(path)
        case "xlsx":
            return open_xlsx(path, sheet)
        case "jsonl":
            with translated_errors(path):
                return open_json(path)
        case kind:
            with translated_errors(path):
                return open_csv(path, delimiter or ("\t" if kind == "tsv" else None), encoding, header)


def data_files(path: Path) -> list[Path]:
    """The path, or for a ZIP archive those of its data files.  Raises BadFile where there is none."""
    if not (path.name.lower().endswith(".zip") and path.is_file()):
        return [path]
    members = zip_members(path, TEXT_SUFFIXES)
    if not members:
        others = [str(member.relative_to(path)) for member in zip_members(path, ("",))[:3]]
        known = ", ".join(TEXT_SUFFIXES)
        raise BadFile(
            f"{path}: holds no file whose name ends with one of {known}, only {', '.join(others) or 'nothing'}"
        )
    return members


def _only_member(path: Path) -> Path:
    members = data_files(path)
    if len(members) > 1:
        names = ", ".join(str(member.relative_to(path)) for member in members[:10])
        raise BadFile(f"{path}: holds {len(members):,} files: {names}; name one, such as {members[0]}")
    return members[0]


def _format(path: Path, named: str | None) -> str:
    """One of FORMATS: the named one, else by the suffix.  Raises BadFile for an unknown suffix."""
    name = uncompressed_name(path)
    kinds = {".ndjson": "jsonl", ".json": "jsonl", **{f".{kind}": kind for kind in FORMATS}}
    usual = kinds.get(name[name.rfind(".") :])
    if named is None and (usual is None or not path.name.lower().endswith(READ_SUFFIXES)):
        known = ", ".join(READ_SUFFIXES)
        raise BadFile(f"{path}: cannot tell what it is; the name must end with one of {known}, or name its --format")
    return named or usual or ""
