"""Trial restore: the files of a backup in a folder, checked by their digests, and its databases by their rows."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw

from recsys.atomic_file import open_private, sync
from recsys.bundle import open_bundle
from recsys.data.answer_log.answer_log import ANSWER_LOG_FILE
from training.backup.log_copy import ANSWERS, LOG_FILE, drop_companions, summarize
from training.backup.manifest import BUNDLES, BackupManifest, refuse
from training.backup.sqlite_snapshot import check_pages
from training.backup.storage import BackupStorage, copy_stream, make_folder

Report = Callable[[str], None]


def fetch_home(storage: BackupStorage, manifest: BackupManifest, stored: str, folder: Path, report: Report) -> None:
    """Copies every file of the backup into the folder, and compares digests, rows and the live release.

    stored: the folder of the storage with the files of this backup alone.  Raises BadFile with the wrong file.
    """
    n_bytes, n_read = sum(file.bytes for file in manifest.files.values()), 0
    for name in manifest.files:
        report(f"{n_read / max(1, n_bytes):.0%}")
        fetch_file(storage, manifest, name, stored, folder)
        n_read += manifest.files[name].bytes
    where = f"{storage}/{stored}"
    _check_log(folder / LOG_FILE, manifest, where)
    _check_answers(folder / ANSWER_LOG_FILE, manifest, where)
    if manifest.live in manifest.releases:
        open_bundle(folder / BUNDLES / str(manifest.live), verify=False)


def fetch_file(storage: BackupStorage, manifest: BackupManifest, name: str, stored: str, folder: Path) -> None:
    """Copies one file of the backup into the folder.  Raises BadFile unless it is what was backed up."""
    expected, target, where = manifest.files[name], folder / name, manifest.stored_name(name, stored)
    make_folder(target.parent)
    try:
        with storage.open(where) as content, open_private(target, "wb") as copy:
            digest, _ = copy_stream(content, copy)
    except FileNotFoundError:
        refuse(f"{storage}/{where}", "it is missing")
    if digest != expected.sha256:
        refuse(f"{storage}/{where}", "its content is not what was backed up (sha256 differs)")
    target.chmod(expected.mode)
    os.utime(target, ns=(expected.mtime_ns, expected.mtime_ns))
    sync(target)


def _check_log(file: Path, manifest: BackupManifest, where: str) -> None:
    if manifest.log is None:
        return
    if (fault := check_pages(file)) is not None:
        refuse(f"{where}/{LOG_FILE}", fault)
    with closing(apsw.Connection(str(file))) as connection:
        present = summarize(manifest.log.kind, lambda sql: connection.execute(sql).fetchall(), manifest.log.rows.keys())
    drop_companions(file)
    if present != manifest.log:
        refuse(f"{where}/{LOG_FILE}", f"it holds {present}, and at the backup there was {manifest.log}")


def _check_answers(file: Path, manifest: BackupManifest, where: str) -> None:
    if not file.exists():
        return
    if (fault := check_pages(file)) is not None:
        refuse(f"{where}/{ANSWER_LOG_FILE}", fault)
    with closing(apsw.Connection(str(file))) as connection:
        n_answers = connection.execute(ANSWERS).get
    drop_companions(file)
    if n_answers != manifest.answers:
        refuse(f"{where}/{ANSWER_LOG_FILE}", f"{n_answers} answers, and at the backup there were {manifest.answers}")
