"""Backup job: a backup by the settings of the shop, recorded as a run."""

from dataclasses import dataclass
from pathlib import Path

from recsys.config import ShopSettings
from recsys.data.store.base import Store
from recsys.errors import BadInput
from recsys.jobs.notifications import Notifier
from recsys.jobs.runs import run_record
from recsys.progress import StepLog
from training.backup.backup import BackupResult, BackupSource, back_up
from training.backup.settings import BackupSettings
from training.backup.storage import open_storage


@dataclass(frozen=True, slots=True)
class BackupOptions:
    """What differs from the settings: where to, how many stay, and whether the log is left out.  cause: of the run."""

    to: str | None = None
    keep: int | None = None
    with_log: bool = True
    cause: str = "command line"


def run_backup(
    store: Store, home: Path, file: Path | None, steps: StepLog, options: BackupOptions | None = None
) -> BackupResult:
    """Backs up the home to where the settings say.  Raises BadInput where they do not, and as `back_up` does."""
    settings, options = BackupSettings.load(file), options or BackupOptions()
    to = options.to or settings.to
    if to is None:
        raise BadInput('where to? `recsys backup FOLDER`, or to = "FOLDER" in the table [backup] of recsys.toml')
    keep = settings.keep if options.keep is None else options.keep
    source = BackupSource(home, file, ShopSettings.load(file).database_url)
    with run_record(store, "backup", options.cause, steps) as run:
        run.notifier = Notifier.load(file)
        result = back_up(source, open_storage(to), steps, keep=keep, with_log=options.with_log)
        run.result = {"to": to, "backup": result.manifest.name, "copied": result.copied, "deleted": result.deleted}
    return result
