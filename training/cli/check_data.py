"""Command `recsys check`: data checks over a home or over files."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import OK, CliContext
from recsys.cli.file_progress import file_progress
from recsys.cli.given_files import given_files
from recsys.cli.jobs.recorded import COMMAND_LINE, Cause
from recsys.cli.output import AsJson, plain_console, print_json
from recsys.cli.reading_options import with_reading_options
from recsys.time_units import now_ms
from training.cli.options import (
    Constants,
    EventKind,
    EventOptions,
    Guests,
    Kinds,
    KnowsGuests,
    Maps,
    ProfileName,
    event_mapping,
    events_zone,
    progress_bar,
    rejects_folder,
)

if TYPE_CHECKING:
    from recsys.data.checks.finding import Finding
    from recsys.data.files.column_mapping import ColumnMapping
    from recsys.data.store.base import Store

STOP = 2

CHECK_CODES = (
    "Exit codes: 0 no finding says stop; 1 something you can mend (a file, an option); 2 a finding says stop, or wrong "
    "usage; 4 the event log does not answer; 5 a fault of this program."
)


@with_reading_options(EventOptions)
def check(
    ctx: typer.Context,
    events: Annotated[
        list[Path] | None, typer.Option(help="Check this file instead of the log; may be repeated.")
    ] = None,
    items: Annotated[Path | None, typer.Option(help="The catalogue that belongs to --events.")] = None,
    _profile: ProfileName = None,
    maps: Maps = None,
    items_maps: Annotated[
        list[str] | None,
        typer.Option("--items-map", help="Like --map, for --items; without item_id, that of --map counts."),
    ] = None,
    constants: Constants = None,
    kind: EventKind = None,
    kinds: Kinds = None,
    guests: Guests = None,
    knows_guests: KnowsGuests = True,
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
    *,
    options: EventOptions,
) -> None:
    """Say what is odd about the data: the log and catalogue of --home, or files before they are imported.

    Counts lines with impossible quantities, times or amounts of money, items that are not in the catalogue, duplicates
    and robots, and says which data each part of the engine lacks. Counts refused lines, too. Changes
    nothing; with --cause, the check of a home is kept as a run.

    Example: recsys check

    Example: recsys check --events orders.csv --kind purchase --map user_id=customer,item_id=sku --items products.csv

    Example: recsys check --events orders_export.csv --profile shopify-orders
    """
    from training.importing.data_check import items_mapping

    mapping = event_mapping(maps, constants, guests, kinds, knows_guests=knows_guests)
    mapping = options.applied_to(mapping, default_zone=events_zone(ctx.obj))
    if events is None and (items is not None or items_maps or kind):
        raise typer.BadParameter("--items, --items-map and --kind belong to --events; name its file")
    if events:
        findings = _check_files(events, items, (mapping, items_mapping(items, mapping, items_maps or ())), kind)
    else:
        findings = _check_home(ctx.obj, mapping, cause)
    _print_findings(findings, as_json=as_json)


def _check_home(context: CliContext, mapping: "ColumnMapping", cause: str) -> "list[Finding]":
    from recsys.jobs.notifications import Notifier
    from recsys.jobs.runs import run_record

    store = context.existing_store()
    if cause == COMMAND_LINE:
        return _check_store(context, store, mapping)
    with run_record(store, "check", cause) as run:
        run.notifier = Notifier.load(context.file)
        findings = _check_store(context, store, mapping)
        stops = [f"{finding.count:,} {finding.message}" for finding in findings if finding.severity == "stop"]
        run.decide("failed" if stops else "done", *stops)
    return findings


def _check_store(context: CliContext, store: "Store", mapping: "ColumnMapping") -> "list[Finding]":
    from training.importing.data_check import check_home

    with progress_bar() as bar:
        task = bar.add_task("log", total=store.head())
        progress = partial(bar.advance, task)
        return check_home(store, rejects_folder(context), mapping, now_ms=now_ms(), progress=progress)


def _check_files(
    events: list[Path], items: Path | None, mappings: "tuple[ColumnMapping, ColumnMapping]", kind: str | None
) -> "list[Finding]":
    from training.importing.data_check import check_files

    with given_files(events, mappings[0]) as paths, file_progress() as progress:
        return check_files(paths, items, mappings, kind=kind, now_ms=now_ms(), progress=progress.file)


def _print_findings(findings: "list[Finding]", *, as_json: bool) -> None:
    """Prints the findings.  Exits with 2 when a finding says stop."""
    from recsys.data.checks.finding import worst_severity

    if as_json:
        print_json({"verdict": worst_severity(findings), "findings": [finding.as_dict() for finding in findings]})
    else:
        from training.cli.data_check_report import show_check

        show_check(findings, plain_console())
    raise typer.Exit(STOP if worst_severity(findings) == "stop" else OK)
