"""Commands `recsys backup | restore`: backups of a home, made while it serves, and the way back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys.cli.jobs.recorded import COMMAND_LINE, Cause
from recsys.cli.output import AsJson, plain_console, print_json, print_table, run_with_progress
from recsys.time_units import second
from training.cli.exclusive import exclusive_job

if TYPE_CHECKING:
    from training.backup.backup import BackupResult
    from training.backup.manifest import BackupManifest
    from training.backup.restore import RestoreResult
    from training.backup.storage import BackupStorage

WORDS = {"events": "events", "items": "items", "users": "customers"}
Backups = Annotated[str, typer.Argument(help="Folder or URL (s3://bucket/shop) of the backups.", show_default=False)]


def backup(
    ctx: typer.Context,
    to: Annotated[
        str | None,
        typer.Argument(help="Folder or URL, such as s3://bucket/shop.", show_default="`to` in the table backup"),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=0, help="So many backups stay there; 0 keeps all.", show_default="`keep` in the table backup"),
    ] = None,
    without_log: Annotated[
        bool, typer.Option("--without-log", help="Leave the log out, where pg_dump backs up the database.")
    ] = False,
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Back up the home while it serves: log, answer log, releases, keys, rules, settings.

    Restored into a temporary place and compared before it counts. Releases that are there already are not copied again.

    Example: [bold]recsys backup /mnt/backups/shop --keep 14[/]

    It holds data of customers and keys: let nobody else read it.
    """
    from training.backup.job import BackupOptions, run_backup

    context, options = ctx.obj, BackupOptions(to, keep, not without_log, cause)
    store = context.existing_store()
    result = run_with_progress(
        lambda steps: run_backup(store, context.home, context.file, steps, options), Console(stderr=as_json)
    )
    if as_json:
        print_json({**_as_data(result.manifest), "copied": result.copied, "deleted": result.deleted})
    else:
        _print_backup(result)


def restore(
    ctx: typer.Context,
    backups: Backups,
    name: Annotated[str | None, typer.Option("--backup", help="Name of the backup.", show_default="the newest")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move what the home holds into a folder in it, and restore in its place.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Only list the backups.")] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into --home, which must be empty unless --replace. Every digest and count is checked first.

    Example: [bold]recsys --home /var/lib/shop restore /mnt/backups/shop --replace[/]

    The log gets a new identity, so that no answer cached before is given again. With --replace, who was erased since
    the backup is erased again, and newer consents are kept. Stop the service before.
    """
    from training.backup.restore import RestoreTarget
    from training.backup.restore import restore as restore_home
    from training.backup.storage import existing_storage

    context, storage = ctx.obj, existing_storage(backups)
    if list_:
        _print_list(storage, as_json=as_json)
        return
    target = RestoreTarget(context.home, context.database_url)

    def run() -> "RestoreResult":
        console = Console(stderr=as_json)
        return run_with_progress(
            lambda steps: restore_home(storage, target, steps, name=name, replace=replace), console
        )

    if replace and context.has_store:
        with exclusive_job(context, "restore", 0):
            result = run()
    else:
        result = run()
    if as_json:
        print_json(_restored_data(result))
    else:
        _print_restored(result, context.home)


def _as_data(manifest: "BackupManifest") -> dict[str, object]:
    """The backup as a program reads it, without its files."""
    n_bytes = sum(file.bytes for file in manifest.files.values())
    return manifest.model_dump(exclude={"files"}) | {"bytes": n_bytes, "files": len(manifest.files)}


def _restored_data(result: "RestoreResult") -> dict[str, object]:
    return {
        **_as_data(result.manifest),
        "log_id": result.log_id,
        "carried": result.carried,
        "replaced": result.replaced,
        "notes": result.notes,
    }


def _print_backup(result: "BackupResult") -> None:
    console = plain_console()
    console.print(f"{result.manifest.name}: {_content(result.manifest)}; restored for a trial, and equal")
    console.print(f"{len(result.copied)} of {len(result.manifest.releases)} releases were copied, others were there")
    for name in result.deleted:
        console.print(f"deleted: {name}")
    for note in result.manifest.notes:
        console.print(f"note: {note}")


def _print_restored(result: "RestoreResult", home: Path) -> None:
    console = plain_console()
    console.print(f"{home} is that of {second(result.manifest.made_at_ms)}: {_content(result.manifest)}")
    console.print(f"the log has the new identity {result.log_id}" if result.log_id else "there is no log")
    if result.carried is not None and result.carried.is_same_shop:
        carried = result.carried
        console.print(
            f"younger than the backup, and kept: {carried.erased} erasures, {carried.consents} customers' consents"
        )
    for old in result.replaced:
        console.print(f"moved aside: {old}; it holds data of customers, delete it when you do not need it any more")
    for note in result.notes:
        console.print(f"note: {note}")
    console.print("next: recsys doctor, and start the service")


def _content(manifest: "BackupManifest") -> str:
    rows = manifest.log.rows if manifest.log is not None else {}
    parts = [f"{rows[name]:,} {word}" for name, word in WORDS.items() if name in rows] or ["no log"]
    parts.append(f"{manifest.answers:,} answers")
    return f"{', '.join(parts)}, {len(manifest.releases)} releases"


def _print_list(storage: "BackupStorage", *, as_json: bool) -> None:
    from training.backup.manifest import read_manifest

    manifests = [read_manifest(storage, name) for name in storage.whole_backups()]
    if as_json:
        print_json([_as_data(manifest) for manifest in manifests])
        return
    columns = ("backup", "made", "events", "MiB", "live")
    print_table(columns, [_row(manifest) for manifest in manifests])


def _row(manifest: "BackupManifest") -> tuple[str, ...]:
    n_bytes = sum(file.bytes for file in manifest.files.values())
    n_events = f"{manifest.log.rows['events']:,}" if manifest.log is not None else "no log"
    return manifest.name, second(manifest.made_at_ms), n_events, f"{n_bytes / 2**20:,.1f}", manifest.live or ""
