"""File readers: a file opened as a table by the suffix of its name."""

from pathlib import Path

from recsys.data.files.formats.byte_stream import translated_errors
from recsys.data.files.formats.csv_table import open_csv
from recsys.data.files.formats.file_table import FileTable
from recsys.data.files.formats.json_table import open_json
from recsys.data.files.formats.parquet_table import open_parquet
from recsys.errors import BadFile

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".parquet")


def open_table(path: Path, *, delimiter: str | None = None, encoding: str = "utf-8") -> FileTable:
    """The file as a table, by its suffix; the columns are read at once.  Raises `BadFile`.

    delimiter, encoding: of a CSV; without a delimiter, it is the candidate that occurs most often in the header.
    """
    name = path.name.lower()
    if not path.is_file():
        raise BadFile(f"{path}: no such file" if not path.exists() else f"{path}: not a file")
    if not name.endswith(SUFFIXES):
        raise BadFile(f"{path}: cannot tell what it is; the name must end with one of {', '.join(SUFFIXES)}")
    with translated_errors(path):
        if name.endswith(".parquet"):
            return open_parquet(path)
        if ".json" in name or ".ndjson" in name:
            return open_json(path)
        return open_csv(path, delimiter, encoding)
