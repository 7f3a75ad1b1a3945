"""Commands `recsys import events | items | users | facts`: import of a shop's files into its log and catalogue."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from recsys.cli.context import EXIT_CODES, CliContext
from recsys.cli.jobs.recorded import COMMAND_LINE, Cause
from recsys.cli.output import AsJson, plain_console, print_json
from recsys.cli.reading_options import with_reading_options
from recsys.cli.registration import JobCommand, register_group
from recsys.time_units import now_ms
from training.cli.check_data import CHECK_CODES, check
from training.cli.import_group import CheckCommand, ImportGroup, ProfileCommand, import_
from training.cli.import_summary import print_tallies, tallies_data
from training.cli.importing.fact_summary import summary
from training.cli.importing.facts import facts
from training.cli.importing.rounds import ImportTerms, ReadFile, Round, import_given
from training.cli.look import look, profiles
from training.cli.options import (
    Constants,
    Correct,
    EventKind,
    EventOptions,
    FilesOrNone,
    Guests,
    ImportOptions,
    Keep,
    Kinds,
    KnowsGuests,
    Maps,
    MaxRefused,
    ProfileName,
    SourceOptions,
    TextColumns,
    Try,
    event_mapping,
    events_zone,
    rejects_folder,
    rules_zone,
)

if TYPE_CHECKING:
    from recsys.data.checks.per_line import LineCounts
    from recsys.data.files.column_mapping import ColumnMapping
    from recsys.data.files.formats.file_table import ChunkProgress
    from training.importing.corrections import EventReading
    from training.importing.entities import Entity, EntitySpec
    from training.importing.rejects import Tally
    from training.importing.trial import ImportTrial
    from training.sources.rounds import ImportInput

OTHER_READING = "this file was imported before with other options: its lines replaced the events that they became then"

OTHER_ZONE = (
    "times without a zone were read in {}, as in earlier imports of this home; the rules name {}: to read them so, say "
    "--time-zone {}"
)


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    group = typer.Typer(cls=ImportGroup, no_args_is_help=True, callback=import_)
    for function in (events, items, users, facts):
        group.command(cls=ProfileCommand, epilog=EXIT_CODES)(function)
    for function in (look, profiles):
        group.command(cls=JobCommand, epilog=EXIT_CODES)(function)
    app.add_typer(group, name="import", rich_help_panel="Data")
    register_group(app, "facts", (summary,), panel="Data", help="What customers said, searched and were sent.")
    app.command(cls=CheckCommand, epilog=CHECK_CODES, rich_help_panel="Data")(check)


@with_reading_options(SourceOptions, "source")
@with_reading_options(EventOptions)
def events(
    ctx: typer.Context,
    files: FilesOrNone = None,
    _profile: ProfileName = None,
    maps: Maps = None,
    constants: Constants = None,
    kind: EventKind = None,
    kinds: Kinds = None,
    guests: Guests = None,
    knows_guests: KnowsGuests = True,
    max_refused: MaxRefused = 1.0,
    cause: Cause = COMMAND_LINE,
    is_trial: Try = False,
    as_json: AsJson = False,
    *,
    options: EventOptions,
    source: SourceOptions,
    correct: Correct = None,
) -> None:
    """Add events to the event log; to import a file again adds nothing, and with more options corrects its events.

    Targets: user_id, item_id, kind, at; optionally event_id, quantity, price or amount (money of the whole line),
    order_id, rating, channel, coupon, campaign, and discount (money taken off the line; price and amount are what was
    paid after it; several columns, as in discount=promotion+voucher, are summed).

    A time is ISO 8601 (UTC when it has no offset), a number since 1970 (seconds up to 1e11, milliseconds up to 1e14),
    or has a --time-format.  Each order of a guest (user_id 0, guest, none, ...) counts as a visitor of its own.

    A bad line is refused with its reason and kept in the folder `rejects` of --home; the other lines are imported.
    A file that was imported before and is imported with more options, such as a price, is read again: its lines replace
    the events they became.  For a file that was exported anew, --correct does so.

    Example: recsys import events orders.csv --kind purchase --map user_id=customer,item_id=sku,at=ordered_at

    Example: recsys import events orders.csv --kind purchase --map user_id=customer,at=ordered_at,price=paid --correct

    Example: recsys import events --from postgresql://reader@shop/db --kind purchase --watermark updated_at \\
        --query "select id event_id, customer user_id, sku item_id, ordered_at at, updated_at from lines"

    Example: recsys import events orders.jsonl --kind purchase --explode line_items \\
        --map user_id=customer.id,item_id=line_items.sku,quantity=line_items.quantity,at=created_at,order_id=id
    """
    from training.importing.corrections import EventReading

    mapping = event_mapping(maps, constants, guests, kinds, knows_guests=knows_guests)
    mapping = options.applied_to(mapping, default_zone=events_zone(ctx.obj))
    reading, notes = EventReading(mapping, kind), _zone_notes(ctx.obj, options, mapping)
    terms = ImportTerms(cause, max_refused, is_trial)
    begin = partial(_begin_events, ctx.obj, reading, notes, terms=terms, correct=correct, as_json=as_json)
    import_given(ctx.obj, source.input_of(files, b"events" + reading.to_json()), mapping, begin, terms)


def _zone_notes(context: CliContext, options: EventOptions, mapping: "ColumnMapping") -> list[str]:
    is_other_zone = options.time_zone is None and rules_zone(context) not in (None, mapping.time_zone)
    return [OTHER_ZONE.format(mapping.time_zone, *[rules_zone(context)] * 2)] if is_other_zone else []


class EventRemarks(NamedTuple):
    """What is odd about the lines of events, notes, and the trial if it is one."""

    counts: "LineCounts"
    notes: list[str]
    trial: "ImportTrial | None"


def _begin_events(
    context: CliContext,
    reading: "EventReading",
    notes: list[str],
    *,
    terms: ImportTerms,
    correct: bool | None,
    as_json: bool,
) -> Round:
    """What reads a file of events now, and what shows the tallies."""
    from recsys.data.checks.per_line import LineCounts
    from training.importing.data_check import known_items
    from training.importing.events import import_events
    from training.importing.trial import ImportTrial

    counts = LineCounts(now_ms(), known_items(context.store()))
    trial = ImportTrial() if terms.is_trial else None

    def read_trial(path: Path, progress: "ChunkProgress", trial: ImportTrial) -> "Tally":
        kind = reading.kind
        return import_events(path, trial, reading.mapping, kind=kind, rejects=None, counts=counts, progress=progress)

    read = (
        _event_reader(context, reading, counts, correct=correct) if trial is None else partial(read_trial, trial=trial)
    )
    remarks = EventRemarks(counts, notes, trial)
    return read, lambda tallies: _show_events(tallies, reading.mapping, remarks, terms.max_refused, as_json=as_json)


def _show_events(
    tallies: "list[Tally]",
    mapping: "ColumnMapping",
    remarks: EventRemarks,
    max_refused: float,
    *,
    as_json: bool,
) -> None:
    """Shows the tallies of files of events, and the remarks."""
    from training.cli.data_check_report import show_odd

    odd, notes = [finding for finding in remarks.counts.findings() if finding.severity != "ok"], remarks.notes
    if as_json:
        data = tallies_data(tallies, mapping, notes, remarks.trial)
        print_json({**data, "findings": [finding.as_dict() for finding in odd]})
        return
    print_tallies(tallies, mapping, "duplicate", max_refused, remarks.trial)
    show_odd(odd, plain_console())
    for note in notes:
        plain_console().print(note)


def _event_reader(
    context: CliContext, reading: "EventReading", counts: "LineCounts", *, correct: bool | None
) -> ReadFile:
    """A function that imports a file of events, or corrects its events, and keeps how the file was read."""
    from training.importing.corrections import ImportRecords, correct_events
    from training.importing.events import import_events
    from training.importing.repetition import is_correction

    store, rejects, records = context.store(), rejects_folder(context), ImportRecords(context.home)

    def read(path: Path, progress: "ChunkProgress") -> "Tally":
        last = records.last_reading(path)
        corrects = is_correction(path, last, reading) if correct is None else correct
        if corrects:
            tally = correct_events(path, store, reading, last, rejects=rejects, counts=counts, progress=progress)
        else:
            tally = import_events(
                path, store, reading.mapping, kind=reading.kind, rejects=rejects, counts=counts, progress=progress
            )
        if corrects and correct is None:
            tally.notes.append(OTHER_READING)
        if (corrects or last is None) and tally.lines > tally.rejected + tally.left_out:
            records.save(path, reading)
        return tally

    return read


@with_reading_options(SourceOptions, "source")
@with_reading_options(ImportOptions)
def items(
    ctx: typer.Context,
    files: FilesOrNone = None,
    _profile: ProfileName = None,
    maps: Maps = None,
    constants: Constants = None,
    attributes: Annotated[bool, typer.Option(help="Keep every other column as an attribute.")] = True,
    keep: Keep = None,
    text: TextColumns = None,
    max_refused: MaxRefused = 1.0,
    cause: Cause = COMMAND_LINE,
    is_trial: Try = False,
    as_json: AsJson = False,
    *,
    options: ImportOptions,
    source: SourceOptions,
) -> None:
    """Put items into the catalogue; items that did not change stay as they are.

    Targets: item_id; optionally name, category, brand, price, cost (of one unit to the shop), stock, available_from,
    available_until.  A field without a column in the file stays as it is; an empty cell clears it.  Several lines about
    one item, such as its variants, are folded: of each column the last cell that is not empty counts.

    In every format, a column of numbers becomes numbers, and a column of true and false becomes booleans.  Numbers
    with a leading zero stay text, and so does a column that mixes numbers and text; the summary names mixed columns.

    Example: recsys import items products.csv --map item_id=sku,category=department,name=type+size --text ean
    """
    from recsys.data.files.column_mapping import ColumnMapping
    from training.importing.corrections import EventReading
    from training.importing.entities import ITEMS

    mapping = ColumnMapping.parse(maps or (), constants or (), ITEMS.targets, text=text or (), keep=keep)
    mapping = options.applied_to(mapping, default_zone=rules_zone(ctx.obj))
    given = source.input_of(files, b"items" + EventReading(mapping, str(attributes)).to_json())
    terms = ImportTerms(cause, max_refused, is_trial)
    _import_entities(ctx, ITEMS, given, mapping, attributes=attributes, terms=terms, as_json=as_json)


@with_reading_options(SourceOptions, "source")
@with_reading_options(ImportOptions)
def users(
    ctx: typer.Context,
    files: FilesOrNone = None,
    _profile: ProfileName = None,
    maps: Maps = None,
    constants: Constants = None,
    keep: Keep = None,
    text: TextColumns = None,
    max_refused: MaxRefused = 1.0,
    cause: Cause = COMMAND_LINE,
    is_trial: Try = False,
    as_json: AsJson = False,
    *,
    options: ImportOptions,
    source: SourceOptions,
) -> None:
    """Store customers with their attributes; every column but user_id is an attribute.

    Columns of numbers, columns of true and false, and several lines about one customer are read as in `import items`.

    Example: recsys import users customers.csv --map user_id=customer --text postcode
    """
    from recsys.data.files.column_mapping import ColumnMapping
    from training.importing.corrections import EventReading
    from training.importing.entities import USERS

    mapping = ColumnMapping.parse(maps or (), constants or (), USERS.targets, text=text or (), keep=keep)
    mapping = options.applied_to(mapping, default_zone=rules_zone(ctx.obj))
    given = source.input_of(files, b"users" + EventReading(mapping, None).to_json())
    terms = ImportTerms(cause, max_refused, is_trial)
    _import_entities(ctx, USERS, given, mapping, attributes=True, terms=terms, as_json=as_json)


def _import_entities(
    ctx: typer.Context,
    spec: "EntitySpec[Entity]",
    given: "ImportInput",
    mapping: "ColumnMapping",
    *,
    attributes: bool,
    terms: ImportTerms,
    as_json: bool,
) -> None:
    from training.importing.entities import import_entities
    from training.importing.trial import ImportTrial

    store, trial = ctx.obj.store(), ImportTrial() if terms.is_trial else None
    rejects = rejects_folder(ctx.obj) if trial is None else None
    if trial is not None:
        spec = replace(spec, put=lambda _, rows: trial.keep(rows))

    def read(path: Path, progress: "ChunkProgress") -> "Tally":
        return import_entities(path, store, spec, mapping, attributes=attributes, rejects=rejects, progress=progress)

    def show(tallies: "list[Tally]") -> None:
        if as_json:
            print_json(tallies_data(tallies, mapping, trial=trial))
        else:
            print_tallies(tallies, mapping, "unchanged", terms.max_refused, trial)

    import_given(ctx.obj, given, mapping, lambda: (read, show), terms)
