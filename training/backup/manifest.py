"""Backup manifest: every file of a backup with its digest, and the counts that a restored log must have."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from recsys.errors import BadFile, BadInput
from training.backup.storage import MANIFEST_FILE, RELEASES, BackupStorage

BACKUP_FORMAT = 1
BUNDLES = "bundles"
SEAL = f"{MANIFEST_FILE}.sha256"  # in the format of sha256sum


def _below_home(path: str) -> str:
    if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        raise ValueError(f"{path!r} leads out of the home")
    return path


class StoredFile(BaseModel):
    """A file: digest, size, permission bits, and time of change, which says when rules were accepted.

    is_shared: part of a release, which lies once for all backups of the folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    sha256: str
    bytes: int
    mode: int
    mtime_ns: int
    is_shared: bool = False


class LogSummary(BaseModel):
    """The log at the moment of the backup: its identities, the last one at the end, its last numbers, and its rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["sqlite", "postgres"]
    log_ids: tuple[str, ...]
    seq: int
    revision: int
    rows: dict[str, int]


class BackupManifest(BaseModel):
    """A backup of a home as it was at made_at_ms (Unix ms) or after.  files: by path.  live: a release, or None."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: int = BACKUP_FORMAT
    name: str
    made_at_ms: int
    recsys: str
    log: LogSummary | None
    answers: int
    live: str | None
    releases: tuple[str, ...]
    files: dict[Annotated[str, AfterValidator(_below_home)], StoredFile]
    notes: tuple[str, ...] = ()

    def stored_name(self, file: str, folder: str) -> str:
        """The name in the storage of a file of the home; folder: where the files of this backup alone lie."""
        return f"{RELEASES}/{file.removeprefix(f'{BUNDLES}/')}" if self.files[file].is_shared else f"{folder}/{file}"

    def write(self, folder: Path) -> None:
        text = self.model_dump_json(indent=1).encode() + b"\n"
        (folder / SEAL).write_text(f"{sha256(text).hexdigest()}  {MANIFEST_FILE}\n")
        (folder / MANIFEST_FILE).write_bytes(text)


def read_manifest(storage: BackupStorage, name: str) -> BackupManifest:
    """The manifest of that backup.  Raises BadFile."""
    where = f"{storage}/{name}/{MANIFEST_FILE}"
    try:
        with storage.open(f"{name}/{MANIFEST_FILE}") as file, storage.open(f"{name}/{SEAL}") as seal:
            text, digest = file.read(), seal.read().split(b" ")[0].decode("ascii", "replace")
        if digest != sha256(text).hexdigest():
            refuse(where, f"does not match {SEAL}")
        manifest = BackupManifest.model_validate_json(text)
    except (OSError, ValidationError) as error:
        refuse(where, f"cannot be read ({' '.join(str(error).split())[:200]})")
    if manifest.format != BACKUP_FORMAT:
        refuse(where, f"format {manifest.format}, this build reads {BACKUP_FORMAT}")
    return manifest


def choose_backup(storage: BackupStorage, name: str | None) -> BackupManifest:
    """The manifest of the backup of that name, else of the newest.  Raises BadInput, BadFile."""
    names = storage.whole_backups()
    if not names:
        raise BadInput(f"{storage}: no whole backup here; make one with `recsys backup {storage}`")
    if name is not None and name not in names:
        raise BadInput(f"{storage}: no backup {name!r}; there are {', '.join(names)}")
    return read_manifest(storage, name or names[-1])


def refuse(where: str, problem: str) -> NoReturn:
    raise BadFile(f"{where}: {problem}; take another backup with --backup, `recsys restore DIR --list` names them")
