"""Column mapping of a file: `--map user_id=household_id,name=type+size` and `--const channel=web`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import orjson
import polars as pl

from recsys.config import spelling_hint
from recsys.data.files.column_names import OTHER_WORD, USUAL_NAMES, guess_column
from recsys.data.ids import INVISIBLE
from recsys.errors import BadInput

NEXT_TARGET = re.compile(r",(?=\s*[a-z_]+\s*=|\s*$)")  # other commas belong to the name of a column
DateOrder = Literal["day first", "month first"]
ALIASES = {
    **(SHORT := {"user": "user_id", "item": "item_id", "time": "at", "weight": "quantity"}),
    **{name: short for short, name in SHORT.items()},
}  # targets of imports and of evaluations, which name the same
DATABASE_NULLS = frozenset(("NULL", "null", "\\N", "(null)", "<NA>"))
NULL_WORDS = DATABASE_NULLS | {"#N/A", "N/A", "n/a"}  # for no value
NULL_TEXTS = NULL_WORDS | {"NaN", "nan", "None", "none", "-"}  # in a column that may be empty, and holds no numbers
GUARD = r"""(?s)^(?:="([^"]*)"|'('*[\d=+\-@].*))$"""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The columns of a file by target, constant values for all lines, and how the file is written.

    A column may be a part of an object or a list: `user_id=customer.id`, `category=categories.0`.
    text_columns: attributes that stay text although all their values are numbers.  explode: the column whose lists
    become rows.  guests: values of user_id that are no customer, in lower case; "" is an empty cell.  delimiter,
    encoding: of a CSV.  header: names of its columns, where no line holds them.  decimal: the decimal separator of
    numbers in text.  time_formats: formats of strptime, tried before others.  kinds: kind of event by the word of
    the file, in lower case.  time_zone: of times without one.
    where: conditions that a row must fulfil, or it is left out.  date_order: the order of day and month by target,
    where the column proves it.  joins: files to join, each `FILE on COLUMN`.  carry_down: columns whose empty cells
    take the value of the row above of the same order, or of the same `carry_within`.  returns_by_sign: whether a
    purchase below 0 is a return.  file_format: the format of the file, whatever its name.  sheet: of a workbook.
    member: of a ZIP archive.  kept: the only columns that become attributes; None stands for all.
    days_between: the days between orders in a joined file without dates, see `order_gaps`.
    """

    column: Mapping[str, str]
    constant: Mapping[str, str]
    text_columns: frozenset[str] = frozenset()
    explode: str | None = None
    guests: frozenset[str] = frozenset()
    delimiter: str | None = None
    header: tuple[str, ...] = ()
    encoding: str = "utf-8"
    decimal: str | None = None
    time_formats: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "UTC"
    where: tuple[str, ...] = ()
    date_order: Mapping[str, DateOrder] = field(default_factory=dict)
    joins: tuple[str, ...] = ()
    carry_down: tuple[str, ...] = ()
    returns_by_sign: bool = False
    file_format: str | None = None
    sheet: str | None = None
    member: str | None = None
    carry_within: str | None = None
    kept: tuple[str, ...] | None = None
    days_between: str | None = None

    @classmethod
    def parse(
        cls,
        maps: Iterable[str],
        constants: Iterable[str],
        targets: Sequence[str],
        *,
        text: Iterable[str] = (),
        keep: Iterable[str] | None = None,
        explode: str | None = None,
    ) -> "ColumnMapping":
        """From the options of the command line.  Raises BadInput for a target that does not exist or is given twice."""
        column = _pairs("--map", NEXT_TARGET.split(",".join(maps)), targets)
        constant = _pairs("--const", constants, targets)
        both = sorted(column.keys() & constant.keys())
        if both:
            raise BadInput(f"{both[0]}: given by --map and by --const; leave one out")
        kept = None if keep is None else tuple(_words(keep))
        return cls(column, constant, frozenset(_words(text)), explode, kept=kept)

    def sources(self, target: str, columns: Sequence[str]) -> tuple[str, ...]:
        """The columns that make up the target; empty when the file has none for it, or the target is a constant."""
        if target in self.constant:
            return ()
        source = self.column.get(target, target)
        if source in columns:
            return (source,)
        parts = tuple(part.strip() for part in source.split("+"))
        return parts if all(split_path(part, columns) for part in parts) else ()

    def has(self, target: str, columns: Sequence[str]) -> bool:
        """Whether the file or a constant gives the target."""
        return target in self.constant or bool(self.sources(target, columns))

    def value(self, target: str, columns: Sequence[str]) -> pl.Expr:
        """The raw value of the target, several columns joined by a space; null when there is none."""
        if target in self.constant:
            return pl.repeat(self.constant[target], pl.len())
        parts = self.sources(target, columns)
        if len(parts) > 1:
            texts = [as_text(as_column(part, columns)) for part in parts]
            return pl.concat_str(texts, separator=" ", ignore_nulls=True).str.strip_chars()
        return as_column(parts[0], columns) if parts else pl.repeat(None, pl.len(), dtype=pl.String)

    def check(self, path: Path, columns: Sequence[str], *, needed: Sequence[str]) -> None:
        """Raises BadInput when a mapped or a required column is not in the file, with the columns that are."""
        for target, source in self.column.items():
            missing = [part for part in source.split("+") if not split_path(part.strip(), columns)]
            if missing and source not in columns:
                raise BadInput(f"{path}: no column {missing[0]!r} for {target}; {_hint(missing[0], columns)}")
        for name in self.kept or ():
            if name not in columns:
                raise BadInput(f"--keep {name}: {path} has no such column; {_hint(name, columns)}")
        for target in needed:
            if not self.has(target, columns):
                guess = guess_column(target, columns) if target in USUAL_NAMES else None
                listed = f"did you mean {guess!r}? {_listed(columns)}" if guess else _hint(target, columns)
                way = f"--map {target}={guess or 'COLUMN'}"
                raise BadInput(f"{path}: no column {target!r}; {listed}; name the one that holds it: {way}")


def as_text(column: pl.Expr) -> pl.Expr:
    """The column as `text_of` gives it."""
    return column.map_batches(text_of, return_dtype=pl.String)


def as_given_text(column: pl.Expr, null_words: frozenset[str] = NULL_TEXTS) -> pl.Expr:
    """The column as text; null where it holds a word for no value."""
    text = as_text(column)
    return pl.when(~text.is_in([*null_words])).then(text)


def text_of(values: pl.Series) -> pl.Series:
    """Text with the same form as ids over HTTP (`normalize_id`); empty text is null.

    Whole numbers that were read as floats (12.0) lose the fraction; lists and objects become JSON.  `="007"` and
    `'007` become 007: spreadsheets write these signs to keep the zeros.  `'=x` becomes =x, as `write_csv` guards it.
    """
    if values.dtype.is_float():
        whole = values.fill_nan(None)
        is_whole = (whole == whole.round()) & (whole.abs() < 2**53)
        values = whole.cast(pl.String).zip_with(
            ~is_whole.fill_null(False), whole.cast(pl.Int64, strict=False).cast(pl.String)
        )
    if values.dtype.is_nested():
        return pl.Series(values.name, [_json(value) for value in values.to_list()], pl.String)
    if values.dtype == pl.Duration:
        values = values.dt.to_string("iso")
    text = values.cast(pl.String, strict=values.dtype != pl.Binary).str.strip_chars()
    if (text.str.len_bytes() != text.str.len_chars()).any():
        text = text.str.normalize("NFC").str.strip_chars(INVISIBLE).str.strip_chars()
    if text.str.contains(GUARD).any():
        text = text.str.replace(GUARD, "$1$2").str.strip_chars()
    return text.set(text == "", None)


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


def split_path(source: str, columns: Sequence[str]) -> tuple[str, str] | None:
    """The column and the JSON path within it: `customer.id` is `$['id']` of `customer`; None without that column."""
    if source in columns:
        return source, ""
    column, dot, path = source.partition(".")
    if not dot or column not in columns:
        return None
    steps = (f"[{key}]" if key.isdecimal() else f"['{key}']" for key in path.split("."))
    return column, "$" + "".join(steps)


def as_column(source: str, columns: Sequence[str]) -> pl.Expr:
    """A column, or a part of the objects or lists in it, such as customer.id."""
    column, path = split_path(source, columns) or (source, "")
    return as_text(pl.col(column)).str.json_path_match(path) if path else pl.col(column)


def _words(values: Iterable[str]) -> list[str]:
    return [word.strip() for word in ",".join(values).split(",") if word.strip()]


def _pairs(option: str, words: Iterable[str], targets: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for word in filter(None, (word.strip() for word in words)):
        target, equals, value = (part.strip().strip('"') for part in word.partition("="))
        target = target if target in targets else OTHER_WORD.get(target, target)
        if not (target and equals and value):
            raise BadInput(f"{option} {word}: write {option} {targets[0]}=...")
        alias = ALIASES.get(target, target)
        target = alias if alias in targets and target not in targets else target
        if target not in targets:
            raise BadInput(f"{option} {word}: there is no {target}; {spelling_hint(target, targets)}")
        if target in values:
            raise BadInput(f"{option}: {target} is given twice")
        values[target] = value
    return values


def _hint(word: str, columns: Sequence[str]) -> str:
    close = get_close_matches(word, columns, n=1)
    return f"did you mean {close[0]!r}? {_listed(columns)}" if close else _listed(columns)


def _listed(columns: Sequence[str]) -> str:
    return f"the file has {', '.join(columns) or 'none'}"
