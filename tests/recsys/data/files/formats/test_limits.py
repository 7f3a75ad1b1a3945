"""No file takes the memory of the machine: hostile files, read by a process of its own whose peak is measured."""

import gzip
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from backports import zstd

from recsys.data.files.column_mapping import ColumnMapping
from recsys.data.files.readers import open_table
from recsys.data.files.source import open_source
from recsys.errors import BadFile

MIB = 1 << 20
MAX_MIB = 250
PEAK = """
import resource, sys
from pathlib import Path
from tests.recsys.data.files.formats.test_limits import read

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for file in sys.argv[1:]:
    read(Path(file))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def read(path: Path, explode: str | None = None) -> tuple[int, str]:
    """Rows, and the reasons of refusals."""
    n_rows, broken = 0, list[str]()
    try:
        for chunk in open_source(path, ColumnMapping({}, {}, explode=explode)).chunks(50_000):
            n_rows += chunk.rows.height
            broken += [f"line {row.line} {row.reason}" for row in chunk.broken[:3]]
    except BadFile as error:
        broken = [*broken[:3], str(error)]
    return n_rows, " / ".join(broken[:4])


def peak_mib(*paths: Path) -> int:
    """MiB that a new process takes to read the files."""
    child = [sys.executable, "-c", PEAK, *map(str, paths)]
    return int(subprocess.run(child, capture_output=True, text=True, timeout=300, check=True).stdout)


def packed(path: Path, head: bytes, piece: bytes, mib: int, tail: bytes = b"", level: int = 1) -> Path:
    with gzip.open(path, "wb", compresslevel=level) as file:
        file.write(head)
        for _ in range(mib):
            file.write(piece * (MIB // len(piece)))
        file.write(tail)
    return path


def endless_line(folder: Path, mib: int) -> Path:
    return packed(folder / "a.csv.gz", b"user_id,item_id\nu,i\n", b"a", mib)


def long_line(folder: Path, mib: int) -> Path:
    return packed(folder / "a.csv.gz", b"user_id,item_id\nu,", b"a", min(mib, 60), b"\nu,i\n")


def quote_signs(folder: Path, mib: int) -> Path:
    return packed(folder / "a.csv.gz", b"user_id,item_id\n", b'"', mib)


def lines_of_quote_signs(folder: Path, mib: int) -> Path:
    path = folder / "a.csv"
    path.write_bytes(b"user_id,item_id\n" + b'"\n' * 100_000)
    return path


def endless_header(folder: Path, mib: int) -> Path:
    return packed(folder / "a.csv.gz", b"", b"a,", mib)


def endless_json(folder: Path, mib: int) -> Path:
    return packed(folder / "a.jsonl.gz", b'{"user_id": "u"}\n{"user_id": "', b"a", mib, b'"}\n')


def deep_json(folder: Path, mib: int) -> Path:
    deep = b'{"user_id": ' + b"[" * 500 + b"]" * 500 + b"}\n"
    path = folder / "a.jsonl"
    path.write_bytes(b'{"user_id": "u"}\n' + deep + b'{"user_id": ' + b"[" * 100_000 + b"\n")
    return path


def json_with_ids_as_keys(folder: Path, mib: int) -> Path:
    path = folder / "a.jsonl"
    path.write_text("".join(f'{{"user-{n}": 1}}\n' for n in range(3_000)))
    return path


def wide_rows(folder: Path, mib: int) -> Path:
    path = folder / "a.csv"
    path.write_text(",".join(f"c{n}" for n in range(2_000)) + "\n" + "a,b\n" * 5_000)
    return path


def equal_rows(folder: Path, mib: int) -> Path:
    path = folder / "a.parquet"
    pl.DataFrame({"user_id": pl.repeat("u", 2_000_000, eager=True)}).write_parquet(path)
    return path


def equal_columns(folder: Path, mib: int) -> Path:
    path = folder / "a.parquet"
    column = pl.repeat(None, 21_000, dtype=pl.String, eager=True)
    pl.DataFrame({f"c{n}": column for n in range(1_000)}).write_parquet(path)
    return path


def long_texts(folder: Path, mib: int) -> Path:
    path = folder / "a.parquet"
    texts = pl.Series(["u", "a" * MIB]).gather([0, 1] * 20)
    pl.DataFrame({"user_id": texts}).write_parquet(path)
    return path


HOSTILE: dict[Callable[[Path, int], Path], tuple[int, str]] = {
    endless_line: (1, "line 3 does not end within 64 MiB"),
    long_line: (1, "line 2 is longer than 1,048,576 characters"),
    quote_signs: (0, "line 2 does not end within 64 MiB"),
    lines_of_quote_signs: (0, "line 2 is no CSV"),
    endless_header: (0, "line 1 does not end within 64 MiB"),
    endless_json: (1, "line 2 does not end within 64 MiB"),
    deep_json: (1, "line 2 is nested deeper than 200 levels; write flat values / line 3 is no JSON"),
    json_with_ids_as_keys: (1_414, "the lines up to 2,001 have more than 2,000 different keys, such as 'user-2000'"),
    wide_rows: (5_000, ""),
    equal_rows: (0, "has 2,000,000 rows in "),
    equal_columns: (0, "has 21,000,000 cells in "),
    long_texts: (20, "line 2 'user_id' has 1,048,576 characters, at most 65,536 are read"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for file in tmp_path.iterdir():
        file.unlink()


@pytest.mark.parametrize("build", HOSTILE)
def test_a_line_that_is_too_much_is_named_and_the_others_are_read(
    build: Callable[[Path, int], Path], folder: Path
) -> None:
    rows, reason = HOSTILE[build]
    n_rows, reasons = read(build(folder, 66))
    assert n_rows == rows
    assert reason in reasons


def test_a_list_of_endless_elements_is_not_spread_out(folder: Path) -> None:
    path, long = folder / "a.jsonl", ",".join(["1"] * 400_000)
    path.write_text(f'{{"user_id": "u", "skus": [1, 2]}}\n{{"user_id": "u", "skus": [{long}]}}\n')
    n_rows, reasons = read(path, explode="skus")
    assert n_rows == 2
    assert "line 2 'skus' has more than 10,000 elements" in reasons


def test_hostile_files_take_little_memory(folder: Path) -> None:
    paths = []
    for build in HOSTILE:
        (folder / build.__name__).mkdir()
        paths.append(build(folder / build.__name__, 66))
    peak = peak_mib(*paths)
    shutil.rmtree(folder)
    folder.mkdir()
    assert peak < MAX_MIB


@pytest.mark.slow
@pytest.mark.parametrize("build", [endless_line, quote_signs, endless_header, endless_json])
def test_gigabytes_in_one_line_take_no_more(build: Callable[[Path, int], Path], folder: Path) -> None:
    assert peak_mib(build(folder, 4_000)) < MAX_MIB


def zst_bomb(path: Path) -> Path:
    with zstd.open(path, "wb") as file:
        for _ in range(260):
            file.write((b" " * 65_535 + b"\n") * 16)
    return path


def test_a_decompression_bomb_of_short_lines_ends_with_advice(folder: Path) -> None:
    bombs = [packed(folder / "a.jsonl.gz", b"", b" " * 65_535 + b"\n", 260, level=6), zst_bomb(folder / "b.jsonl.zst")]
    for bomb in bombs:
        assert "expands to more than 200 times its size" in read(bomb)[1]


def test_a_zst_that_asks_for_more_memory_than_zstd_takes_is_refused(folder: Path) -> None:
    path, window = folder / "a.csv.zst", {int(zstd.CompressionParameter.window_log): 28}
    with zstd.open(path, "wb", options=window) as file:
        file.write(b"u,i\n1,2\n")
    with pytest.raises(BadFile, match="cannot be read to its end"):
        open_table(path)
