"""Uploads: files that operators sent to the console, in the home until they are imported, a day at most."""

import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from recsys.atomic_file import PRIVATE_FOLDER, make_private, open_private, replace_file
from recsys.errors import BadFile, BadInput
from recsys.time_units import DAY_MS

UPLOADS = Path("run") / "uploads"  # in the home; nothing in `run` is backed up
MOST_WAITING = 10
MIB = 2**20
_TOKEN = re.compile(r"[0-9a-f]{16}")
_ABOUT = "about"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """One file with the documents about it, in a folder of its own.  n_bytes: of the file.  at_ms: when it came."""

    folder: Path
    name: str
    n_bytes: int
    at_ms: int

    @property
    def token(self) -> str:
        return self.folder.name

    @property
    def file(self) -> Path:
        return self.folder / "file" / self.name

    def read(self, document: str) -> dict[str, Any] | None:
        """The document, None where there is none."""
        try:
            content: dict[str, Any] = orjson.loads((self.folder / f"{document}.json").read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None
        return content

    def write(self, document: str, content: Mapping[str, Any]) -> None:
        """Replaces the document.  Raises OSError where the upload was removed meanwhile."""
        replace_file(self.folder / f"{document}.json", orjson.dumps(content), 0o600)


@dataclass(frozen=True, slots=True)
class UploadFolder:
    """The uploads of a home, at most MOST_WAITING of `most_bytes` each."""

    home: Path
    most_bytes: int

    def receive(self, name: str, source: IO[bytes], now_ms: int) -> Upload:
        """Keeps a file.  Raises BadInput for one that is empty, too large or of an unknown kind; BadFile."""
        name = _safe_name(name)
        self.sweep(now_ms)
        if len(self.all()) >= MOST_WAITING:
            raise BadInput(f"{MOST_WAITING} uploads are waiting already: import or remove one of them first")
        folder = self.home / UPLOADS / secrets.token_hex(8)
        try:
            (folder / "file").mkdir(parents=True, mode=PRIVATE_FOLDER)
            folder.chmod(PRIVATE_FOLDER)
            make_private(folder.parent)
            n_bytes = self._copy(source, folder / "file" / name)
            upload = Upload(folder, name, n_bytes, now_ms)
            upload.write(_ABOUT, {"name": name, "n_bytes": n_bytes, "at_ms": now_ms})
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise BadFile(f"the upload cannot be kept: {error.strerror}; make room in {self.home}") from None
        except BadInput:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return upload

    def get(self, token: str) -> Upload:
        """That upload.  Raises BadInput where it is gone."""
        upload = _opened(self.home / UPLOADS / token) if _TOKEN.fullmatch(token) else None
        if upload is None:
            raise BadInput("this upload is gone: one is kept for a day, or until a customer is erased; upload it again")
        return upload

    def all(self) -> Sequence[Upload]:
        """The uploads, the newest first."""
        opened = map(_opened, (self.home / UPLOADS).glob("*"))
        return sorted((each for each in opened if each), key=lambda each: -each.at_ms)

    def sweep(self, now_ms: int) -> None:
        """Removes those that are older than a day."""
        for upload in self.all():
            if upload.at_ms < now_ms - DAY_MS:
                self.remove(upload)

    def remove(self, upload: Upload) -> None:
        shutil.rmtree(upload.folder, ignore_errors=True)

    def _copy(self, source: IO[bytes], file: Path) -> int:
        n_bytes = 0
        with open_private(file, "xb") as target:
            while piece := source.read(_PIECE):
                n_bytes += len(piece)
                if n_bytes > self.most_bytes:
                    raise BadInput(f"{file.name} {too_large(self.most_bytes)}")
                target.write(piece)
        if not n_bytes:
            raise BadInput(f"{file.name} is empty")
        return n_bytes


def too_large(most_bytes: int) -> str:
    """Why a file is refused, and what to do."""
    return (
        f"is larger than {most_bytes / MIB:,.0f} MiB: part it, compress it as .gz, or import it on the machine itself "
        "with `recsys import`"
    )


def drop_uploads(home: Path) -> None:
    """Removes every upload: somebody was erased, and it may name them.  A job that reads one goes on."""
    shutil.rmtree(home / UPLOADS, ignore_errors=True)


def _opened(folder: Path) -> Upload | None:
    with suppress(OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return Upload(folder, **orjson.loads((folder / f"{_ABOUT}.json").read_bytes()))
    return None


def _safe_name(name: str) -> str:
    """The name without a path and without signs that mean something to a shell or an option.  Raises BadInput."""
    name = re.sub(r"[^\w.() -]", "_", name.replace("\\", "/").rpartition("/")[2]).strip(" .-")[-120:]
    from recsys.data.files.readers import SUFFIXES  # loads polars, which an erasure in the service does without

    if not name.lower().endswith(SUFFIXES):
        kinds = "CSV, TSV, JSONL (each also .gz and .zst), Parquet, .xlsx and .zip"
        raise BadInput(f"{name or 'no file'!r:.60} is of no kind that is read: send {kinds}")
    return name
