"""Files of a home that a backup copies as they are: everything but databases, releases and what workers share now."""

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from recsys.atomic_file import open_private
from recsys.bundle import MANIFEST, MANIFEST_CHECKSUM, is_version, open_bundle
from recsys.config import SETTINGS_FILE, RulesSettings, read_table
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE
from recsys.shared_registry.mirror import PULLING
from training.backup.log_copy import LOG_FILE
from training.backup.manifest import BUNDLES, StoredFile
from training.backup.storage import copy_stream, make_folder
from training.registry import GONE, MAKING
from training.registry.staging import STAGED

RUN = "run"  # shared state of running workers
_UNFINISHED = "exports"  # files that grow now
REPLACED, RESTORING = ".replaced-", ".restoring-"  # folders of a restore in the home
DATABASES = (LOG_FILE, ANSWER_LOG_FILE)  # and their companions
_PERMISSIONS = 0o777


def copy_home_files(home: Path, settings: Path | None, target: Path) -> dict[str, StoredFile]:
    """Copies them into the target, and says what each is.  settings: the file of the settings, wherever it is."""
    files = {name: path for top in _top_files(home) for name, path in _files_below(home, top)}
    if settings is not None:
        files[SETTINGS_FILE] = settings
    return _copy(files, target)


def copy_registry_files(home: Path, versions: Collection[str], target: Path) -> dict[str, StoredFile]:
    """The same with what lies beside the releases (which is live, which were), and with signatures in them."""
    bundles = home / BUNDLES
    below = sorted(bundles.iterdir()) if bundles.is_dir() else []
    tops = [path for path in below if not (path.name.startswith((MAKING, GONE, PULLING, STAGED)) or is_release(path))]
    files = {name: path for top in tops for name, path in _files_below(home, top)}
    for version in versions:
        sealed = {f"{BUNDLES}/{version}/{name}" for name in sealed_files(bundles / version)}
        files |= {name: path for name, path in _files_below(home, bundles / version) if name not in sealed}
    return _copy(files, target)


def sealed_files(release: Path) -> dict[str, str]:
    """The digest of each file of a release that never changes; its manifest is the last one.  Raises BadBundle."""
    digests = {name: checksum.sha256 for name, checksum in open_bundle(release, verify=False).manifest.files.items()}
    return digests | {name: _digest(release / name) for name in (MANIFEST_CHECKSUM, MANIFEST)}


def stored_release(release: Path) -> dict[str, StoredFile]:
    """What those files of a release are, by their path in the home."""
    stored = {}
    for name, digest in sealed_files(release).items():
        status = (release / name).stat()
        stored[f"{BUNDLES}/{release.name}/{name}"] = _stored(digest, status, is_shared=True)
    return stored


def is_release(path: Path) -> bool:
    return is_version(path.name) and path.is_dir()


def files_elsewhere(home: Path, settings: Path | None) -> Iterator[str]:
    """A sentence for each file outside the home that the settings name, and a backup leaves out."""
    serve, rules = read_table(settings, "serve"), RulesSettings.load(settings).file
    named = {"API keys": serve.get("keys_file"), "trusted keys": serve.get("trusted_keys"), "rules": rules}
    for name, file in named.items():
        if file is not None and not (home / str(file)).resolve().is_relative_to(home.resolve()):
            yield f"the file of the {name}, {file}, is outside the home, and not in the backup"


def _top_files(home: Path) -> list[Path]:
    """What lies directly in the home."""
    left_out = (REPLACED, RESTORING, *DATABASES)
    return [
        path
        for path in sorted(home.iterdir())
        if path.name not in (RUN, _UNFINISHED, BUNDLES) and not path.name.startswith(left_out)
    ]


def _files_below(folder: Path, top: Path) -> Iterator[tuple[str, Path]]:
    """Each file with its path below the folder; a link to a folder is followed at the top only, against circles."""
    for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _copy(files: Mapping[str, Path], target: Path) -> dict[str, StoredFile]:
    copied = {}
    for name, path in files.items():
        with suppress(FileNotFoundError):  # deleted or replaced meanwhile, as temporary files are
            copied[name] = copy_file(path, target / name)
    return copied


def copy_file(source: Path, target: Path) -> StoredFile:
    """Copies a file, and says what it is.  Raises OSError."""
    with source.open("rb") as content:
        status = os.fstat(content.fileno())
        make_folder(target.parent)
        with open_private(target, "wb") as copy:
            digest, n_bytes = copy_stream(content, copy)
    return _stored(digest, status).model_copy(update={"bytes": n_bytes})


def stored_database(file: Path) -> StoredFile:
    """What that copy of a database is."""
    return _stored(_digest(file), file.stat())


def _stored(digest: str, status: os.stat_result, *, is_shared: bool = False) -> StoredFile:
    return StoredFile(
        sha256=digest,
        bytes=status.st_size,
        mode=status.st_mode & _PERMISSIONS,
        mtime_ns=status.st_mtime_ns,
        is_shared=is_shared,
    )


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
