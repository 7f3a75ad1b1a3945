"""Reading options of a shop's files: one set for the commands that import, check and evaluate."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from recsys.errors import BadInput
from recsys.time_units import time_zone

if TYPE_CHECKING:
    from recsys.data.files.column_mapping import ColumnMapping

PANEL = "How the file is written"
PARAMETER = "options"  # of a command with reading options


def reading_option(*names: str, help: str, default: str | bool = False) -> Any:
    """An option under the common heading.  default: what the help says the default is."""
    return typer.Option(*names, help=help, show_default=default, rich_help_panel=PANEL)


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a file is written, as the command line says it."""

    delimiter: Annotated[
        str | None,
        reading_option(
            help="The separator of a CSV: one ASCII character, `tab` or `::`.", default="guessed from the header"
        ),
    ] = None
    encoding: Annotated[str, reading_option(help="Encoding of a CSV, such as cp1252 or utf-16.", default=True)] = (
        "utf-8"
    )
    decimal: Annotated[str | None, reading_option(help="Decimal separator: `,` for 1.299,50; `.` for 1,299.50.")] = None
    time_formats: Annotated[
        list[str] | None,
        reading_option(
            "--time-format",
            help="Format of dates and times, such as '%d/%m/%Y %H:%M'; `excel` reads day numbers; may be repeated.",
        ),
    ] = None
    time_zone: Annotated[
        str | None,
        reading_option(
            help="Timezone of times that name none, such as Australia/Sydney.", default="that of the rules, else UTC"
        ),
    ] = None
    where: Annotated[
        list[str] | None,
        reading_option(
            help='Read only lines such as "status=paid", "total>10", "status in paid,shipped"; repeat for and.'
        ),
    ] = None

    file_format: Annotated[
        str | None,
        reading_option("--format", help="csv, tsv, jsonl, parquet or xlsx, if the name of the file does not say it."),
    ] = None
    sheet: Annotated[str | None, reading_option(help="The sheet of an .xlsx.", default="the first")] = None
    member: Annotated[
        str | None, reading_option(help="The file in a .zip.", default="all, if they have the same columns")
    ] = None
    header: Annotated[
        str | None,
        reading_option(help="Names of the columns of a CSV without a line of names, such as user_id,item_id,at."),
    ] = None

    def applied_to(self, mapping: "ColumnMapping", *, default_zone: str | None = None) -> "ColumnMapping":
        """The mapping with these options.  Raises BadInput for a value that is not allowed."""
        from recsys.data.files.conditions import check_condition

        _check_encoding(self.encoding)
        _check_format(self.file_format)
        for time_format in self.time_formats or ():
            _check_time_format(time_format)
        for condition in self.where or ():
            check_condition(condition)
        if self.decimal not in (None, ",", "."):
            raise BadInput(f"--decimal {self.decimal}: use , or .")
        return replace(
            mapping,
            delimiter=_sign(self.delimiter),
            header=tuple(name.strip() for name in self.header.split(",")) if self.header else (),
            encoding=self.encoding,
            decimal=self.decimal,
            time_formats=tuple(self.time_formats or ()),
            time_zone=_zone(self.time_zone) or default_zone or "UTC",
            where=tuple(self.where or ()),
            file_format=self.file_format,
            sheet=self.sheet,
            member=self.member,
        )


def with_reading_options(
    kind: type[Any], parameter: str = PARAMETER
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a command every field of `kind` as an option; that parameter of it gets them all."""
    hints = get_type_hints(kind, include_extras=True)
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(kind)
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [each for name, each in signature.parameters.items() if name != parameter]

        @wraps(command)
        def run(*args: Any, **values: Any) -> None:
            chosen = {option.name: values.pop(option.name) for option in options}
            command(*args, **values, **{parameter: kind(**chosen)})

        keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
        run.__signature__ = signature.replace(parameters=[*keywords, *options])  # type: ignore[attr-defined]
        return run

    return decorate


def _sign(delimiter: str | None) -> str | None:
    sign = "\t" if delimiter in ("tab", "\\t") else delimiter
    if sign not in (None, "::") and (len(sign) != 1 or not sign.isascii() or sign in '"\r\n'):
        raise BadInput(f"--delimiter {delimiter}: use a single sign, or tab, or ::")
    return sign


def _zone(name: str | None) -> str | None:
    try:
        return name if name is None else str(time_zone(name))
    except ValueError as error:
        raise BadInput(f"--time-zone: {error}") from None


def _check_format(file_format: str | None) -> None:
    from recsys.data.files.readers import FORMATS

    if file_format is not None and file_format not in FORMATS:
        raise BadInput(f"--format {file_format}: is unknown; use one of {', '.join(FORMATS)}")


def _check_encoding(encoding: str) -> None:
    try:
        "".encode(encoding)  # a codec that is not for text is refused, too
    except LookupError:
        raise BadInput(f"--encoding {encoding}: there is no such encoding; try cp1252, utf-16 or utf-8") from None


def _check_time_format(time_format: str) -> None:
    """Raises BadInput for a format in which a day cannot be written and read again."""
    if time_format == "excel":  # day numbers
        return
    day = datetime(2024, 1, 31, tzinfo=UTC)
    try:
        is_format = datetime.strptime(day.strftime(time_format), time_format).date() == day.date()
    except (ValueError, re.error):
        is_format = False
    if not is_format:
        raise BadInput(f"--time-format {time_format}: is no format of a day; write it like '%d/%m/%Y %H:%M'")
