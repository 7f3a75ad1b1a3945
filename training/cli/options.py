"""Options of the commands that read files, and their progress bar."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import CliContext
from recsys.cli.reading_options import ReadingOptions, reading_option
from recsys.errors import BadInput

if TYPE_CHECKING:
    from rich.progress import Progress

    from recsys.data.files.column_mapping import ColumnMapping
    from training.sources.rounds import ImportInput

FILES = "CSV, TSV, JSONL (each also .gz and .zst), Parquet, .xlsx, .zip, or - with --format."
Files = Annotated[list[Path], typer.Argument(help=FILES, show_default=False)]
FilesOrNone = Annotated[
    list[Path] | None, typer.Argument(metavar="FILES...", help=f"{FILES}  None with --from.", show_default=False)
]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", help="TARGET=COLUMN,... for a column with another name; A+B joins two.", show_default=False),
]
Constants = Annotated[
    list[str] | None, typer.Option("--const", help="TARGET=VALUE for every line; may be repeated.", show_default=False)
]
ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="Options for the export of a shop system (see recsys import --profiles), or a TOML file with options.",
        show_default=False,
    ),
]
TextColumns = Annotated[
    list[str] | None,
    typer.Option(help="COLUMN,... of codes: values stay text even if all are numbers.", show_default=False),
]
EventKind = Annotated[
    str | None, typer.Option("--kind", help="The kind of lines without one: purchase, view, cart, ...")
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(help="WORD=KIND,... for the words of the file: transaction=purchase.", show_default=False),
]
Guests = Annotated[
    list[str] | None,
    typer.Option(
        "--guest",
        help="Another user_id that is no customer, like 0 and guest; '' is an empty one; may be repeated.",
        show_default=False,
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        help="COLUMN,... that become attributes; others are left out.", show_default="every column without a target"
    ),
]
KnowsGuests = Annotated[
    bool, typer.Option("--guests/--no-guests", help="Count each order of a guest as a visitor of its own.")
]
Correct = Annotated[
    bool | None,
    typer.Option(
        "--correct/--no-correct",
        help="Replace the events that the lines of this file became before, or add events beside them.",
        show_default="replace, where the same file is imported with more options",
    ),
]
Try = Annotated[
    bool, typer.Option("--try", help="Read and check every line, say what would be stored, and store nothing.")
]
MaxRefused = Annotated[
    float, typer.Option(min=0, max=100, help="Percent of the lines; if more are refused, the command exits with 3.")
]


@dataclass(frozen=True, slots=True)
class ImportOptions(ReadingOptions):
    """How a file is written, and how its rows become lines."""

    explode: Annotated[
        str | None,
        reading_option(
            help="COLUMN of lists, such as line_items: each element becomes a row, with columns line_items.KEY."
        ),
    ] = None
    joins: Annotated[
        list[str] | None,
        reading_option(
            "--join",
            help='Another file to join, such as "lines.csv on order_id": a row for each match; held in memory.',
        ),
    ] = None
    on: Annotated[str | None, reading_option(help="COLUMN that --join FILE and the file share.")] = None
    carry_down: Annotated[
        list[str] | None,
        reading_option(help="COLUMN,... that stand once for each order: empty cells take the value of the row above."),
    ] = None
    carry_within: Annotated[
        str | None,
        reading_option(help="COLUMN that is equal in all lines that share cells, if that is not the order_id."),
    ] = None

    def applied_to(self, mapping: "ColumnMapping", *, default_zone: str | None = None) -> "ColumnMapping":
        """The mapping with these options.  Raises BadInput for a value that is not allowed."""
        from recsys.data.files.join import join_texts

        return replace(
            ReadingOptions.applied_to(self, mapping, default_zone=default_zone),
            explode=self.explode,
            joins=join_texts(self.joins or (), self.on),
            carry_down=tuple(part.strip() for part in ",".join(self.carry_down or ()).split(",") if part.strip()),
            carry_within=self.carry_within,
        )


@dataclass(frozen=True, slots=True)
class EventOptions(ImportOptions):
    """How a file of events is written."""

    returns_by_sign: Annotated[
        bool, reading_option("--returns-by-sign", help="Purchases with a quantity or money below 0 are returns.")
    ] = False
    days_between: Annotated[
        str | None,
        reading_option(
            help="'COLUMN until DATE' for a joined file with days between orders, but no dates: each customer's last "
            "order is at DATE."
        ),
    ] = None

    def applied_to(self, mapping: "ColumnMapping", *, default_zone: str | None = None) -> "ColumnMapping":
        """The mapping with these options.  Raises BadInput for a value that is not allowed."""
        read = ImportOptions.applied_to(self, mapping, default_zone=default_zone)
        read = replace(read, returns_by_sign=self.returns_by_sign)
        if self.days_between is None:
            return read
        from recsys.data.files.order_gaps import time_column

        columns = {**read.column, "at": time_column(self.days_between)}
        return replace(read, column=columns, days_between=self.days_between)


def _parse_kinds(kinds: list[str] | None) -> dict[str, str]:
    """The value of --kinds: kinds by the word of the file, in lower case.  Raises BadInput."""
    from recsys.config import spelling_hint
    from recsys.data.events import KIND_BY_NAME

    kind_by_word: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in ",".join(kinds or ()).split(","))):
        word, equals, kind = (part.strip().lower() for part in pair.partition("="))
        if not (word and equals):
            raise BadInput(f"--kinds {pair}: write --kinds transaction=purchase,addtocart=cart")
        if kind not in KIND_BY_NAME:
            raise BadInput(f"--kinds {pair}: there is no kind {kind!r}; {spelling_hint(kind, KIND_BY_NAME)}")
        kind_by_word[word] = kind
    return kind_by_word


def event_mapping(
    maps: list[str] | None,
    constants: list[str] | None,
    guests: list[str] | None,
    kinds: list[str] | None,
    *,
    knows_guests: bool,
) -> "ColumnMapping":
    """The column mapping of events, with the words for guests and for kinds.  Raises BadInput."""
    from recsys.data.files.column_mapping import ColumnMapping
    from recsys.data.guests import GUEST_NUMBERS, GUEST_WORDS
    from training.importing.events import TARGETS

    usual = GUEST_WORDS | GUEST_NUMBERS if knows_guests else frozenset()
    words = usual | {guest.strip().lower() for guest in guests or ()}
    mapping = ColumnMapping.parse(maps or (), constants or (), TARGETS)
    return replace(mapping, guests=words, kinds=_parse_kinds(kinds))


def rules_zone(context: CliContext) -> str | None:
    """The time zone that the rules of the shop name.  Raises BadSettings."""
    from recsys.config import rules_time_zone

    return rules_time_zone(context.home, context.file)


def events_zone(context: CliContext) -> str | None:
    """The time zone of files of events without --time-zone: that of earlier imports, else that of the rules.

    Lines that are read in another zone than before are other events; a log without records of imports was read in UTC.
    """
    from training.importing.corrections import ImportRecords

    last = ImportRecords(context.home).last_zone()
    is_begun = context.has_store and context.store().head() > 0
    return last or (None if is_begun else rules_zone(context))


def rejects_folder(context: CliContext) -> Path:
    """The folder of the home with the lines that imports refused."""
    return context.home / "rejects"


def progress_bar() -> "Progress":
    """A progress bar on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


SOURCES = "Sources"


def source_option(name: str, help: str, **more: Any) -> Any:
    """An option under the heading of sources."""
    return typer.Option(name, help=help, show_default=False, rich_help_panel=SOURCES, **more)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """A source besides files, and how it is read."""

    address: Annotated[
        str | None,
        source_option(
            "--from",
            "What is new in postgresql://…, s3://BUCKET/*.parquet, folder:/PATH, or NAME: "
            "a table \\[sources.NAME] of recsys.toml.",
        ),
    ] = None
    query: Annotated[str | None, source_option("--query", "The SELECT whose rows are imported.")] = None
    watermark: Annotated[
        str | None, source_option("--watermark", "COLUMN that grows with each change: only newer rows are read.")
    ] = None
    overlap: Annotated[
        str | None,
        source_option("--overlap", "How far below the last watermark to read again; else '1 hour', of a number 1000."),
    ] = None
    settle: Annotated[
        float | None,
        source_option("--settle", "Seconds without change after which a file in a folder is finished; else 5.", min=0),
    ] = None
    move_done: Annotated[bool, source_option("--move-done", "Move imported files to the folder `done` in it.")] = False
    every: Annotated[
        float | None, source_option("--every", "Watch the source: look again after so many seconds.", min=0.1)
    ] = None
    again: Annotated[bool, source_option("--again", "Read everything again, which adds nothing twice.")] = False

    def input_of(self, files: list[Path] | None, reading: bytes) -> "ImportInput":
        """The files, or the source.  reading: how its rows are read.  Raises BadInput, BadParameter without either."""
        from training.sources.addresses import SourceRequest
        from training.sources.rounds import ImportInput

        if self.address is None:
            if self != SourceOptions():
                raise BadInput("--query, --every and other options of a source need one: say --from")
            if not files:
                raise typer.BadParameter("Missing argument 'FILES', or a source: --from")
            return ImportInput(files)
        if files:
            raise BadInput(f"{files[0]}: import files or a source; leave one of them out")
        request = SourceRequest(
            self.address, self.query, self.watermark, self.overlap, self.settle, is_moved=self.move_done
        )
        return ImportInput((), request, reading, self.every, self.again)
