"""Backup of a home while it serves: log, answer log, releases, keys, rules and settings, checked before it counts.

Releases come first and the log after them, so that no release knows what the log of the backup does not hold.
"""

from collections.abc import Iterable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from recsys import __version__
from recsys.atomic_file import file_lock
from recsys.bundle import MANIFEST, live_version, open_bundle
from recsys.canary.state import CHANGING
from recsys.errors import BadBundle, BadInput
from recsys.progress import StepLog
from recsys.time_units import now_ms
from training.backup.home_files import (
    DATABASES,
    RUN,
    copy_home_files,
    copy_registry_files,
    files_elsewhere,
    is_release,
    sealed_files,
    stored_database,
    stored_release,
)
from training.backup.log_copy import LOG_FILE, LogCopy, copy_answer_log, drop_companions, held_log
from training.backup.manifest import BUNDLES, BackupManifest, StoredFile, read_manifest
from training.backup.storage import CHECKING, MAKING, MANIFEST_FILE, RELEASES, BackupStorage, FolderStorage
from training.backup.verification import fetch_home

LOCK = f"{RUN}/backup.lock"


@dataclass(frozen=True, slots=True)
class BackupSource:
    """What is backed up: a home, its settings file, and the URL of its log, None for the file in the home."""

    home: Path
    settings: Path | None = None
    database_url: str | None = None


class BackupResult(NamedTuple):
    """A whole backup, the releases that had to be copied for it, and the old backups that were deleted."""

    manifest: BackupManifest
    copied: list[str]
    deleted: list[str]


def back_up(
    source: BackupSource, storage: BackupStorage, steps: StepLog, *, keep: int = 0, with_log: bool = True
) -> BackupResult:
    """Makes a backup, restores it into a temporary place, and compares digests and counts before it counts as whole.

    keep: so many backups stay, 0 for all.  Raises LogUnavailable, BadInput, BadFile, OSError; then there is no backup.
    """
    if isinstance(storage, FolderStorage) and storage.root.resolve().is_relative_to(source.home.resolve()):
        raise BadInput(f"{storage} is inside the home {source.home}; a backup belongs on another disk or machine")
    with file_lock(source.home / LOCK), storage.locked():
        at_ms = now_ms()
        name = storage.next_name(at_ms)
        with storage.working_folder(MAKING) as work:
            maker = _BackupMaker(source, storage, work, steps)
            manifest = maker.fill(name, at_ms, with_log=with_log)
            manifest.write(work)
            try:
                with steps("store"):
                    staged = storage.stage(work, name)
                with steps("check"), storage.working_folder(CHECKING) as trial:
                    fetch_home(storage, manifest, staged, trial, lambda share: steps.on_step(f"check {share}"))
                storage.commit(work, name)
            except BaseException:
                storage.delete(name)
                raise
        return BackupResult(manifest, maker.copied, _prune(storage, keep))


class _BackupMaker:
    """Fills the working folder of a backup, and adds missing releases to those that all backups share."""

    def __init__(self, source: BackupSource, storage: BackupStorage, work: Path, steps: StepLog) -> None:
        self._source = source
        self._storage = storage
        self._work = work
        self._steps = steps
        self._bundles = source.home / BUNDLES
        self._damaged: dict[str, str] = {}  # problem by release
        self.copied: list[str] = []

    def fill(self, name: str, at_ms: int, *, with_log: bool) -> BackupManifest:
        home, settings = self._source.home, self._source.settings
        with ExitStack() as stack:
            log, versions, files = self._held(stack, with_log=with_log)
            if log is not None:
                _check_same_shop(self._storage, log)
                with self._steps("log"):
                    log.write(self._work / LOG_FILE, self._steps.on_step)
                    drop_companions(self._work / LOG_FILE)
        with self._steps("answers"):
            n_answers = copy_answer_log(home, self._work, self._steps.on_step)
        with self._steps("files"):
            files |= copy_home_files(home, settings, self._work)
            databases = (self._work / name for name in DATABASES)
            files |= {database.name: stored_database(database) for database in databases if database.exists()}
        return BackupManifest(
            name=name,
            made_at_ms=at_ms,
            recsys=__version__,
            log=None if log is None else log.summary,
            answers=n_answers,
            live=_live_version(self._work / BUNDLES),
            releases=tuple(versions),
            files=files,
            notes=(*files_elsewhere(home, settings), *self._damaged.values()),
        )

    def _held(self, stack: ExitStack, *, with_log: bool) -> tuple[LogCopy | None, list[str], dict[str, StoredFile]]:
        """The log, held as it is until the end of the stack, the releases of that moment, and the files about them."""
        home = self._source.home
        while True:
            with self._steps("releases"):
                self._copy_missing()
            with file_lock(self._bundles / CHANGING) if self._bundles.is_dir() else nullcontext():
                if self._missing():
                    continue  # published meanwhile
                log = stack.enter_context(held_log(home, self._source.database_url)) if with_log else None
                shared = self._stored_releases()
                return log, [*shared], copy_registry_files(home, shared, self._work) | _merged(shared.values())

    def _stored_releases(self) -> dict[str, dict[str, StoredFile]]:
        """The files of each release that the storage shares, by its version."""
        stored = {}
        for version in self._sound():
            try:
                stored[version] = stored_release(self._bundles / version)
            except BadBundle as error:
                self._note_damage(version, error)
        return stored

    def _note_damage(self, version: str, error: Exception) -> None:
        self._damaged[version] = f"{error}; the release is not in the backup"

    def _sound(self) -> list[str]:
        folders = sorted(self._bundles.iterdir()) if self._bundles.is_dir() else ()
        return [path.name for path in folders if is_release(path) and path.name not in self._damaged]

    def _missing(self) -> list[str]:
        stored = self._storage.names(RELEASES)
        return [
            version
            for version in self._sound()
            if version not in stored or MANIFEST not in self._storage.names(f"{RELEASES}/{version}")
        ]

    def _copy_missing(self) -> None:
        """Copies releases that the storage does not have; no lock is held, so a training may delete one meanwhile."""
        for version in self._missing():
            release = self._bundles / version
            self._steps.on_step(f"release {version}")
            try:
                open_bundle(release)
                for file in sealed_files(release):  # the manifest comes last: it makes the copy whole
                    self._storage.write(f"{RELEASES}/{version}/{file}", release / file)
            except (BadBundle, FileNotFoundError) as error:
                if release.is_dir():
                    self._note_damage(version, error)
                continue
            self.copied.append(version)


def _merged(parts: Iterable[dict[str, StoredFile]]) -> dict[str, StoredFile]:
    return {name: file for part in parts for name, file in part.items()}


def _live_version(bundles: Path) -> str | None:
    try:
        return live_version(bundles)
    except BadBundle:
        return None


def _check_same_shop(storage: BackupStorage, log: LogCopy) -> None:
    """Raises BadInput where the newest backup is of another log."""
    names = storage.whole_backups()
    last = read_manifest(storage, names[-1]).log if names else None
    if last is not None and not set(last.log_ids) & set(log.summary.log_ids):
        raise BadInput(
            f"{storage} holds backups of another shop (log {last.log_ids[-1]}); choose a folder for each home"
        )


def _prune(storage: BackupStorage, keep: int) -> list[str]:
    """Deletes all but the newest backups, and the releases that no backup holds any more; returns those backups."""
    names = storage.whole_backups()
    old = names[:-keep] if keep else []
    for name in old:
        storage.delete(f"{name}/{MANIFEST_FILE}")  # from now on it is no backup
        storage.delete(name)
    if old:
        held = {version for name in names[-keep:] for version in read_manifest(storage, name).releases}
        for version in set(storage.names(RELEASES)) - held:
            storage.delete(f"{RELEASES}/{version}")
    return old
