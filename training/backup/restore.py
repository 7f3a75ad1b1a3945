"""Restore of a backup: checked beside what is there, given what customers wished since, then put in its place."""

import dataclasses
import re
import shutil
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from recsys.atomic_file import sync
from recsys.config import SETTINGS_FILE, ShopSettings
from recsys.data.store.base import Store
from recsys.data.store.open import has_store, open_store
from recsys.errors import BadInput, RecsysError
from recsys.progress import StepLog
from recsys.time_units import minute, now_ms
from training.backup.home_files import DATABASES, REPLACED, RESTORING, RUN
from training.backup.later_wishes import CarriedWishes, carry_wishes
from training.backup.log_copy import LOG_FILE, drop_companions
from training.backup.manifest import BackupManifest, choose_backup, read_manifest
from training.backup.sqlite_snapshot import is_in_use
from training.backup.storage import BackupStorage, make_folder, moment_name
from training.backup.verification import fetch_file, fetch_home

_NO_CONTENT = (RUN, "lost+found")  # what a home may hold and still be empty


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    """The home to restore into, and the URL of its log by the settings before, None for the file in the home."""

    home: Path
    database_url: str | None = None


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """A restored home.  log_id: the new identity of its log, "" without one.

    carried: None where no younger log could be read.  replaced: where the old home and its log are now.
    """

    manifest: BackupManifest
    log_id: str
    carried: CarriedWishes | None
    replaced: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def restore(
    storage: BackupStorage, target: RestoreTarget, steps: StepLog, *, name: str | None = None, replace: bool = False
) -> RestoreResult:
    """Restores that backup, or the newest one, into an empty home; `replace` moves what is there aside first.

    Every digest and count is checked before anything changes.  The log gets a new identity: no answer that was cached
    for the log it was is given again.  Raises BadInput, BadFile, LogUnavailable, OSError; then all is as it was.
    """
    manifest, home = choose_backup(storage, name), target.home
    if not replace and (content := _content(home)):
        raise BadInput(f"{home} holds {content[0].name}; restore into an empty --home, or with --replace")
    _check_unused(home)
    moment = moment_name(now_ms())
    place = home / f"{RESTORING}{moment}"
    make_folder(place)
    try:
        with steps("check"):
            fetch_home(storage, manifest, manifest.name, place, lambda share: steps.on_step(f"check {share}"))
        _check_database(place, target)
        with steps("erasures"):
            carried, notes = _carry(storage, target, place, manifest)
        with steps("log"):
            replaced_log = _fill_database(place, target, steps, moment=moment if replace else None)
        replaced_home = _switch(home, place, moment)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    replaced = [str(old) for old in (replaced_home, replaced_log) if old is not None]
    return RestoreResult(manifest, _log_id(home, target.database_url), carried, replaced, [*manifest.notes, *notes])


def _content(home: Path) -> list[Path]:
    tops = sorted(home.iterdir()) if home.is_dir() else []
    return [path for path in tops if path.name not in _NO_CONTENT and not path.name.startswith((RESTORING, REPLACED))]


def _check_unused(home: Path) -> None:
    """Raises BadInput while a service or a job has a log of the home open: it would write into what is moved aside."""
    for name in DATABASES:
        if is_in_use(home / name):
            raise BadInput(f"{home / name} is in use; stop the service and the jobs of this home, then restore")


def _check_database(place: Path, target: RestoreTarget) -> None:
    """Raises BadInput if the settings of the backup name a database that the settings here do not."""
    if ShopSettings.load(place / SETTINGS_FILE).database_url != target.database_url:
        raise BadInput(
            "the settings in the backup name another database than those here; "
            "set RECSYS_DATABASE_URL to the one that gets the log"
        )


def _carry(
    storage: BackupStorage, target: RestoreTarget, place: Path, manifest: BackupManifest
) -> tuple[CarriedWishes | None, list[str]]:
    """What was carried into the restored log and its files, from the replaced log, else from the newest backup."""
    if not (place / LOG_FILE).exists():
        return None, ["the backup has no log"]
    with closing(open_store(place, None)) as restored:
        _end_runs(restored, manifest)
        carried, problem = _carry_from(target.home, target.database_url, restored, place)
        if problem is None:
            return carried, []
        known = manifest
        newest = read_manifest(storage, storage.whole_backups()[-1])
        if newest.name != manifest.name and newest.log is not None:
            with TemporaryDirectory(prefix="later-", dir=place) as folder:
                fetch_file(storage, newest, LOG_FILE, newest.name, Path(folder))
                later, problem_there = _carry_from(Path(folder), None, restored, place)
            carried, known = (later, newest) if problem_there is None else (carried, known)
    return carried, [
        f"{problem}: repeat the erasures made since {minute(known.made_at_ms)} UTC (`recsys users erase ID`)"
    ]


def _carry_from(
    home: Path, database_url: str | None, restored: Store, place: Path
) -> tuple[CarriedWishes | None, str | None]:
    """What was carried from the log of that home, and why it was not all."""
    missing = "the log that was lost is not here"
    if not has_store(home, database_url):
        return None, missing
    try:
        with closing(open_store(home, database_url)) as replaced:
            if replaced.head() == 0:
                return None, missing
            carried = carry_wishes(replaced, restored, place)
    except RecsysError as error:
        return None, f"the replaced log cannot be read ({error})"
    return carried, None if carried.is_same_shop else "the replaced log is of another shop"


def _end_runs(store: Store, manifest: BackupManifest) -> None:
    """Ends the runs that went on when the backup was made; that of the backup itself ended well."""
    for run in store.unended_runs():
        ended = dataclasses.replace(run, ended_ms=manifest.made_at_ms, alive_ms=manifest.made_at_ms)
        if run.job == "backup":
            store.put_run(dataclasses.replace(ended, verdict="done", result={"backup": manifest.name}))
        else:
            store.put_run(dataclasses.replace(ended, verdict="died", reasons=("it ran while the backup was made",)))


def _fill_database(place: Path, target: RestoreTarget, steps: StepLog, *, moment: str | None) -> str | None:
    """Moves the restored log into the database of the target, if it has one; returns where the log before it is."""
    log = place / LOG_FILE
    if target.database_url is None or not log.exists():
        return None
    from training.backup.postgres_copy import copy_to_postgres

    name = None if moment is None else re.sub(r"\W", "_", moment.lower())
    schema = copy_to_postgres(log, target.database_url, lambda n: steps.on_step(f"log: {n:,} rows"), moment=name)
    log.unlink()
    drop_companions(log)
    return schema and f"schema {schema} of the database"


def _switch(home: Path, place: Path, moment: str) -> Path | None:
    """Moves what the home holds aside, and what was restored into its place; the log last.

    Raises OSError; then everything is where it was.
    """
    for name in DATABASES:
        drop_companions(place / name)
    _check_unused(home)
    content, aside = _content(home), home / f"{REPLACED}{moment}"
    if content:
        make_folder(aside)
    restored = sorted(_content(place), key=lambda path: path.name == LOG_FILE)
    moves = [(path, aside / path.name) for path in content] + [(path, home / path.name) for path in restored]
    moved: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            source.rename(target)
            moved.append((source, target))
    except BaseException:
        for source, target in reversed(moved):
            target.rename(source)
        raise
    sync(home)
    return aside if content else None


def _log_id(home: Path, database_url: str | None) -> str:
    if not has_store(home, database_url):
        return ""
    with closing(open_store(home, database_url)) as store:
        return store.lineage().log_id
