"""Storage of backups: a folder, or a place that fsspec reaches, such as `s3://bucket/shop`.

A backup is whole when its manifest is there, which comes last.
"""

import hashlib
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from recsys.atomic_file import PRIVATE_FOLDER, file_lock, make_private, open_private, sync
from recsys.errors import BadFile, BadInput, BadSettings
from recsys.redaction import redacted

MANIFEST_FILE = "manifest.json"
RELEASES = "releases"  # shared by all backups of the folder
MAKING = ".making-"
CHECKING = ".checking-"
CHUNK_BYTES = 2**20
# Kinds of URLs whose folders must be made; an object store would make a bucket of a mistyped name.
_WITH_FOLDERS = frozenset({"file", "ftp", "hdfs", "local", "memory", "sftp", "smb", "ssh"})
_A_MOMENT = re.compile(r"\d{8}T\d{6}\.\d{3}Z")  # the name of a backup


class BackupStorage(ABC):
    """Where backups lie.  Names are paths below it, with slashes."""

    @abstractmethod
    def names(self, folder: str = "") -> list[str]:
        """The names directly below that folder, sorted; none if it does not exist."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """The file for reading.  Raises OSError."""

    @abstractmethod
    def write(self, name: str, source: Path) -> None:
        """Stores a copy of the file durably.  Raises OSError."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Deletes the file or folder, if it is there."""

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """One backup at a time, where the place has locks."""

    @abstractmethod
    def working_folder(self, prefix: str) -> AbstractContextManager[Path]:
        """A private folder of this machine, which is deleted at the end."""

    @abstractmethod
    def stage(self, work: Path, name: str) -> str:
        """Stores all files of the folder but the manifest; returns where they can be read back."""

    @abstractmethod
    def commit(self, work: Path, name: str) -> None:
        """Makes the staged files a whole backup of that name."""

    def whole_backups(self) -> list[str]:
        """The names of all whole backups, oldest first."""
        return [name for name in self.names() if name != RELEASES and MANIFEST_FILE in self.names(name)]

    def next_name(self, at_ms: int) -> str:
        """The name of a backup made now: later than all others, even where the clock ran ahead when they were made."""
        return moment_name(max(at_ms, *(_moment_ms(name) + 1 for name in self.whole_backups()), 0))


class FolderStorage(BackupStorage):
    """Backups in a folder.  Files are private, see `make_private`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def names(self, folder: str = "") -> list[str]:
        path = self.root / folder
        return sorted(below.name for below in path.iterdir() if below.name[0] != ".") if path.is_dir() else []

    def open(self, name: str) -> IO[bytes]:
        return (self.root / name).open("rb")

    def write(self, name: str, source: Path) -> None:
        target = self.root / name
        make_folder(target.parent)
        with source.open("rb") as content, open_private(target, "wb") as copy:
            copy_stream(content, copy)
        sync(target)

    def delete(self, name: str) -> None:
        path = self.root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        make_folder(self.root)
        with file_lock(self.root / ".lock"):
            for leftover in [*self.root.glob(f"{MAKING}*"), *self.root.glob(f"{CHECKING}*")]:
                shutil.rmtree(leftover)
            yield

    @contextmanager
    def working_folder(self, prefix: str) -> Iterator[Path]:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=self.root))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def stage(self, work: Path, name: str) -> str:
        for path in sorted(work.rglob("*"), reverse=True):
            make_private(path)
            sync(path)
        sync(work)
        return work.name

    def commit(self, work: Path, name: str) -> None:
        work.rename(self.root / name)
        sync(self.root)


class RemoteStorage(BackupStorage):
    """Backups behind an fsspec file system: object stores rename nothing, so the manifest is written last."""

    def __init__(self, url: str) -> None:
        """Raises BadSettings without fsspec, or without the package for this kind of URL; BadInput."""
        self._url = url
        try:
            from fsspec.core import url_to_fs
        except ModuleNotFoundError:
            raise BadSettings(f"{redacted(url)}: fsspec is not here; pip install 'recsys-shop[s3]'") from None
        try:
            self._files, self._root = cast(tuple[Any, str], url_to_fs(url))
            self._has_folders = url.partition("://")[0] in _WITH_FOLDERS
        except ImportError as error:
            raise BadSettings(f"{redacted(url)}: {error}") from None
        except ValueError as error:
            raise BadInput(f"{redacted(url)}: {error}; give a folder or a URL such as s3://bucket/shop") from None

    def __str__(self) -> str:
        return redacted(self._url)

    def names(self, folder: str = "") -> list[str]:
        path = self._path(folder)
        with self._translated():
            self._files.invalidate_cache()
            try:
                below = self._files.ls(path, detail=False)
            except FileNotFoundError:
                return []
        return sorted(name for each in below if (name := each.rstrip("/").rpartition("/")[2]) and name[0] != ".")

    def open(self, name: str) -> IO[bytes]:
        with self._translated():
            return cast(IO[bytes], self._files.open(self._path(name), "rb"))

    def write(self, name: str, source: Path) -> None:
        with self._translated():
            if self._has_folders:
                self._files.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
            try:
                self._files.put_file(str(source), self._path(name))
            except FileNotFoundError as error:
                if not source.exists():
                    raise
                raise OSError(str(error)) from None  # there is no such bucket

    def delete(self, name: str) -> None:
        with self._translated():
            if self._files.exists(self._path(name)):
                self._files.rm(self._path(name), recursive=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Object stores have no locks: only one machine may write to a place.  What it did not finish is removed."""
        for name in set(self.names()) - set(self.whole_backups()):
            if _A_MOMENT.fullmatch(name):
                self.delete(name)
        yield

    @contextmanager
    def working_folder(self, prefix: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=f"recsys{prefix}") as path:
            yield Path(path)

    def stage(self, work: Path, name: str) -> str:
        for file in sorted(work.rglob("*")):
            if file.is_file() and file != work / MANIFEST_FILE:
                self.write(f"{name}/{file.relative_to(work).as_posix()}", file)
        return name

    def commit(self, work: Path, name: str) -> None:
        self.write(f"{name}/{MANIFEST_FILE}", work / MANIFEST_FILE)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raises BadFile for every error but a missing file."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:  # noqa: BLE001 - each kind of storage has errors of its own
            reason = f"cannot be used ({error}); check the address, its rights and the variables with its keys"
            raise BadFile(f"{self}: {reason}, then run it again") from None

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}".rstrip("/")


def open_storage(target: str) -> BackupStorage:
    """The storage at that folder or URL.  Raises BadSettings, BadInput."""
    return RemoteStorage(target) if "://" in target else FolderStorage(Path(target))


def existing_storage(target: str) -> BackupStorage:
    """The same for reading.  Raises BadFile where there is nothing."""
    storage = open_storage(target)
    if not storage.names():
        raise BadFile(f"{storage}: there are no backups here; check the path")
    return storage


def moment_name(at_ms: int) -> str:
    """A name that sorts by time, such as 20171231T235959.123Z."""
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y%m%dT%H%M%S}.{at_ms % 1000:03}Z"


def _moment_ms(name: str) -> int:
    return round(datetime.strptime(name, "%Y%m%dT%H%M%S.%f%z").timestamp() * 1_000) if _A_MOMENT.fullmatch(name) else 0


def copy_stream(source: IO[bytes], target: IO[bytes]) -> tuple[str, int]:
    """Copies all that is left of the source; returns its SHA-256 digest and its bytes."""
    digest, n_bytes = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        n_bytes += target.write(chunk)
    return digest.hexdigest(), n_bytes


def make_folder(path: Path) -> None:
    """Makes the folder and those above it that are missing, private."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(PRIVATE_FOLDER, exist_ok=True)
        make_private(path)
