"""Byte stream of a file: decompressed while it is read, with a limit of expansion against decompression bombs."""

import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import polars as pl
from backports import zstd

from recsys.data.files.formats.limits import FREE_EXPANSION, MAX_EXPANSION, MAX_WINDOW_LOG
from recsys.errors import BadFile

BUFFER = 1 << 18
HIDDEN = re.compile(r"(^|/)(\.|__MACOSX/)")
COMPRESSIONS = (".gz", ".zst")  # endings after that of the format, as in orders.csv.gz
DAMAGED = (OSError, EOFError, zlib.error, zipfile.BadZipFile, lzma.LZMAError, zstd.ZstdError)
LOCKED = (RuntimeError, NotImplementedError)  # of zipfile: a password, a compression of which it knows nothing


class ByteStream(io.BufferedReader):
    """The content of a file, or of a member of a ZIP archive: `export.zip/orders.csv`.

    `position`: bytes of the file itself that were read, for a progress bar.
    """

    def __init__(self, path: Path) -> None:
        file, member = split_member(path)
        self._file = file.open("rb")
        try:
            content = _content(path, self._file, member)
        except BaseException:
            self._file.close()
            raise
        super().__init__(cast(io.RawIOBase, content), BUFFER)

    @property
    def position(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        super().close()
        self._file.close()


class _Unpacked(io.RawIOBase):
    """The decompressed content.  Raises BadFile when it is far larger than any file of a shop expands to."""

    def __init__(self, path: Path, content: IO[bytes] | gzip.GzipFile | zstd.ZstdFile, packed_size: int) -> None:
        self._path = path
        self._content = content
        self._left = max(FREE_EXPANSION, MAX_EXPANSION * packed_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # the stub says Buffer
        part = self._content.read(len(buffer))
        buffer[: len(part)] = part
        self._left -= len(part)
        if self._left < 0:
            raise BadFile(
                f"{self._path}: expands to more than {MAX_EXPANSION} times its size, which no file of rows does; "
                "if it is right, decompress it and import the result"
            )
        return len(part)


def _content(path: Path, file: IO[bytes], member: str) -> object:
    if member:
        archive = zipfile.ZipFile(file)
        return _Unpacked(path, archive.open(member), archive.getinfo(member).compress_size)
    match path.suffix.lower():
        case ".gz":
            return _Unpacked(path, gzip.GzipFile(fileobj=file), path.stat().st_size)
        case ".zst":
            window = {int(zstd.DecompressionParameter.window_log_max): MAX_WINDOW_LOG}
            return _Unpacked(path, zstd.ZstdFile(file, options=window), path.stat().st_size)
    return file


def uncompressed_name(path: Path) -> str:
    """The name in small letters, without the ending of a compression."""
    name = path.name.lower()
    return name.removesuffix(path.suffix.lower()) if name.endswith(COMPRESSIONS) else name


def split_member(path: Path) -> tuple[Path, str]:
    """The file on the disk, and the member of the ZIP archive; empty where the path is no member of one."""
    for file in path.parents:
        if file.suffix.lower() == ".zip" and file.is_file():
            return file, path.relative_to(file).as_posix()
    return path, ""


def zip_members(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The members of the archive with these suffixes, as paths.  Raises BadFile."""
    with translated_errors(path), zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(suffixes)]
    if outside := next((name for name in names if name.startswith("/")), None):
        raise BadFile(f"{path}: holds {outside!r}, a path outside of the archive; unpack it, and import the result")
    return [path / name for name in sorted(names) if not HIDDEN.search(name)]


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Errors of a damaged file as `BadFile`."""
    try:
        yield
    except DAMAGED as error:
        raise BadFile(f"{path}: cannot be read to its end: {error}") from None
    except KeyError as error:
        raise BadFile(f"{path}: no such file in the archive: {error}") from None
    except LOCKED as error:
        raise BadFile(f"{path}: cannot be unpacked: {error}; unpack it, and import the result") from None
    except UnicodeError as error:
        raise BadFile(f"{path}: is not in the encoding named by --encoding: {error}") from None
    except pl.exceptions.PolarsError as error:
        raise BadFile(f"{path}: damaged, or not what its name says: {error}") from None
