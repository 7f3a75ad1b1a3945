"""Destination of an exported file: a path or an s3:// address, where the whole file appears at once or not at all."""

import fcntl
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from recsys.atomic_file import PRIVATE_FILE, sync
from recsys.errors import BadFile, BadInput, BadSettings

if TYPE_CHECKING:  # it loads polars, which a service does not need
    import polars as pl

    from recsys.data.files.table_formats import Schema, TableFormat

WORK_FOLDER = "exports"  # in the home, for files that end up elsewhere
LOCK = "lock"  # in each work folder, held while an export works there
S3 = "s3://"
S3_PART_BYTES = 16 * 2**20  # ten thousand parts at most: 160 GB


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a file goes."""

    name: str

    @property
    def is_remote(self) -> bool:
        return "://" in self.name

    @property
    def table_format(self) -> "TableFormat":
        """Raises BadInput for a name that ends like no format."""
        from recsys.data.files.table_formats import format_of

        return format_of(self.name)

    def work_folder(self, home: Path) -> Path:
        """The folder of the unfinished file: beside the file, so that a rename completes it, or in the home."""
        if self.is_remote:
            return home / WORK_FOLDER / sha256(self.name.encode()).hexdigest()[:16]
        file = Path(self.name)
        return file.parent / f".{file.name}.export"

    def check(self) -> None:
        """Raises BadInput, BadFile, BadSettings for a place that nothing can be written to."""
        _ = self.table_format
        if self.is_remote:
            self._check_address()
            return
        file = Path(self.name)
        if file.is_dir():
            raise BadFile(f"{file}: is a folder; name a file in it")
        if not file.parent.is_dir():
            raise BadFile(f"{file.parent}: there is no such folder; make it first")

    def write(self, frames: "Iterable[pl.DataFrame]", schema: "Schema") -> int:
        """Writes the frames as one file, one after the other in bounded memory; returns the number of rows.

        Raises BadInput, BadFile, BadSettings, OSError.
        """
        self.check()
        n_rows, parts, near = 0, list[Path](), None if self.is_remote else Path(self.name).parent
        with TemporaryDirectory(dir=near, prefix=".recsys-export-") as folder:
            for number, frame in enumerate(frames):
                parts.append(Path(folder) / str(number))
                parts[-1].write_bytes(self.table_format.encode(frame))
                n_rows += len(frame)
            whole = Path(folder) / "whole"
            with whole.open("wb") as out:
                self.table_format.join(parts, schema, out)
            self.publish(whole)
        return n_rows

    def publish(self, whole: Path) -> None:
        """Puts the finished file in its place, durably and readable for its owner only.  Raises OSError, BadFile."""
        if self.is_remote:
            self._upload(whole)
            return
        whole.chmod(PRIVATE_FILE)
        sync(whole)
        file = Path(self.name)
        whole.replace(file)
        sync(file.parent)

    def _check_address(self) -> None:
        bucket, _, key = self.name.removeprefix(S3).partition("/")
        if not self.name.startswith(S3) or not bucket or not key:
            raise BadInput(f"{self.name}: name a file, or s3://BUCKET/NAME")
        try:
            import s3fs  # noqa: F401
        except ModuleNotFoundError:
            raise BadSettings(f"{self.name}: s3fs is not here; pip install 'recsys-shop[s3]'") from None

    def _upload(self, whole: Path) -> None:
        """An object appears when all its parts are there; those of a broken upload are taken back."""
        from botocore.exceptions import BotoCoreError, ClientError
        from s3fs import S3FileSystem

        try:
            S3FileSystem().put_file(str(whole), self.name, chunksize=S3_PART_BYTES)
        except (OSError, BotoCoreError, ClientError) as error:
            reason = f"cannot be written ({error}); check the address and the AWS_* variables, then run it again"
            raise BadFile(f"{self.name}: {reason}") from None


def drop_unfinished(home: Path) -> None:
    """Deletes what broken exports left in the home; one under way goes on, and deletes its own at its end."""
    for folder in (home / WORK_FOLDER).glob("*"):
        with (folder / LOCK).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder)
