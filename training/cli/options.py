"""Options of the commands that read files, and their progress bar."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import CliContext
from recsys.errors import BadInput

if TYPE_CHECKING:
    from rich.progress import Progress

    from recsys.data.files.column_mapping import ColumnMapping

Files = Annotated[list[Path], typer.Argument(help="CSV, TSV, JSONL (each also .gz) or Parquet.", show_default=False)]
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
Explode = Annotated[
    str | None,
    typer.Option(
        help="COLUMN of lists, such as line_items: each element becomes a row, with columns line_items.KEY.",
        show_default=False,
    ),
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
KnowsGuests = Annotated[
    bool, typer.Option("--guests/--no-guests", help="Count each order of a guest as a visitor of its own.")
]
Delimiter = Annotated[
    str | None,
    typer.Option(help="The separator of a CSV: one ASCII character, or `tab`.", show_default="guessed from the header"),
]
Encoding = Annotated[str, typer.Option(help="Encoding of a CSV, such as cp1252 or utf-16.")]
Decimal = Annotated[
    str | None, typer.Option(help="Decimal separator: `,` for 1.299,50; `.` for 1,299.50.", show_default=False)
]
TimeFormats = Annotated[
    list[str] | None,
    typer.Option(
        "--time-format", help="Format of times, such as '%d/%m/%Y %H:%M'; may be repeated.", show_default=False
    ),
]


def with_format(
    mapping: "ColumnMapping", delimiter: str | None, encoding: str, decimal: str | None, times: list[str] | None
) -> "ColumnMapping":
    """The mapping with the format of the file.  Raises BadInput for a value that is not allowed."""
    sign = "\t" if delimiter in ("tab", "\\t") else delimiter
    if sign is not None and (len(sign) != 1 or not sign.isascii() or sign in '"\r\n'):
        raise BadInput(f"--delimiter {delimiter}: use a single sign, or tab")
    if decimal not in (None, ",", "."):
        raise BadInput(f"--decimal {decimal}: use , or .")
    try:
        "".encode(encoding)  # a codec that is not for text is refused, too
    except LookupError:
        raise BadInput(f"--encoding {encoding}: there is no such encoding; try cp1252, utf-16 or utf-8") from None
    for time_format in times or ():
        _check_time_format(time_format)
    return replace(mapping, delimiter=sign, encoding=encoding, decimal=decimal, time_formats=tuple(times or ()))


def _check_time_format(time_format: str) -> None:
    """Raises BadInput for a format in which a day cannot be written and read again."""
    day = datetime(2024, 1, 31, tzinfo=UTC)
    try:
        is_format = datetime.strptime(day.strftime(time_format), time_format).date() == day.date()
    except (ValueError, re.error):
        is_format = False
    if not is_format:
        raise BadInput(f"--time-format {time_format}: is no format of a day; write it like '%d/%m/%Y %H:%M'")


MaxRefused = Annotated[
    float, typer.Option(min=0, max=100, help="Percent of the lines; if more are refused, the command exits with 3.")
]


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
    explode: str | None,
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
    mapping = ColumnMapping.parse(maps or (), constants or (), TARGETS, explode=explode)
    return replace(mapping, guests=words, kinds=_parse_kinds(kinds))


def rejects_folder(context: CliContext) -> Path:
    """The folder of the home with the lines that imports refused."""
    return context.home / "rejects"


def progress_bar() -> "Progress":
    """A progress bar on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))
