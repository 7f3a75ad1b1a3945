"""Byte stream of a file: decompressed while it is read, with a limit of expansion against decompression bombs."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import polars as pl

from recsys.data.files.formats.limits import FREE_EXPANSION, MAX_EXPANSION
from recsys.errors import BadFile

BUFFER = 1 << 18


class ByteStream(io.BufferedReader):
    """The content of a file.  `position`: bytes of the file itself that were read, for a progress bar."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        is_packed = path.name.lower().endswith(".gz")
        super().__init__(_Unpacked(path, self._file) if is_packed else cast(io.RawIOBase, self._file), BUFFER)

    @property
    def position(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        super().close()
        self._file.close()


class _Unpacked(io.RawIOBase):
    """The decompressed content.  Raises BadFile when it is far larger than any file of a shop expands to."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._content = gzip.GzipFile(fileobj=file)
        self._left = max(FREE_EXPANSION, MAX_EXPANSION * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # the stub says Buffer
        n = self._content.readinto(buffer)
        self._left -= n
        if self._left < 0:
            raise BadFile(
                f"{self._path}: expands to more than {MAX_EXPANSION} times its size, which no file of rows does; "
                "if it is right, decompress it and import the result"
            )
        return n


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Errors of a damaged file as `BadFile`."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise BadFile(f"{path}: cannot be read to its end: {error}") from None
    except UnicodeError as error:
        raise BadFile(f"{path}: is not in the encoding named by --encoding: {error}") from None
    except pl.exceptions.PolarsError as error:
        raise BadFile(f"{path}: damaged, or not what its name says: {error}") from None
