"""Destination of an exported file: a path or an s3:// address, where the whole file appears at once or not at all."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from recsys.atomic_file import PRIVATE_FILE, sync
from recsys.data.files.table_formats import TableFormat, format_of
from recsys.errors import BadFile, BadInput

WORK_FOLDER = "exports"  # in the home, for files that end up elsewhere


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a file goes."""

    name: str

    @property
    def is_remote(self) -> bool:
        return "://" in self.name

    @property
    def table_format(self) -> TableFormat:
        """Raises BadInput for a name that ends like no format."""
        return format_of(self.name)

    def work_folder(self, home: Path) -> Path:
        """The folder of the unfinished file: beside the file, so that a rename completes it, or in the home."""
        if self.is_remote:
            return home / WORK_FOLDER / sha256(self.name.encode()).hexdigest()[:16]
        file = Path(self.name)
        return file.parent / f".{file.name}.export"

    def check(self) -> None:
        """Raises BadInput, BadFile for a place that nothing can be written to."""
        _ = self.table_format
        if self.is_remote:
            raise BadInput(f"{self.name}: only files of this machine can be written")
        file = Path(self.name)
        if file.is_dir():
            raise BadFile(f"{file}: is a folder; name a file in it")
        if not file.parent.is_dir():
            raise BadFile(f"{file.parent}: there is no such folder; make it first")

    def publish(self, whole: Path) -> None:
        """Puts the finished file in its place, durably and readable for its owner only.  Raises OSError."""
        whole.chmod(PRIVATE_FILE)
        sync(whole)
        file = Path(self.name)
        whole.replace(file)
        sync(file.parent)
