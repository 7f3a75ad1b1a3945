"""Column mapping of a file: `--map user_id=household_id,name=type+size` and `--const channel=web`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from recsys.config import spelling_hint
from recsys.errors import BadInput


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The columns of a file by target, and constant values for all lines.

    text_columns: attributes that stay text though all their values are numbers.
    """

    column: Mapping[str, str]
    constant: Mapping[str, str]
    text_columns: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, maps: Iterable[str], constants: Iterable[str], targets: Sequence[str]) -> "ColumnMapping":
        """From the options of the command line.  Raises BadInput for a target that does not exist or is given twice."""
        column = _pairs("--map", ",".join(maps).split(","), targets)
        constant = _pairs("--const", constants, targets)
        both = sorted(column.keys() & constant.keys())
        if both:
            raise BadInput(f"{both[0]}: given by --map and by --const; leave one out")
        return cls(column, constant)

    def sources(self, target: str, columns: Sequence[str]) -> tuple[str, ...]:
        """The columns that make up the target; none when the file has none for it."""
        if target in self.constant:
            return ()
        named = self.column.get(target, target)
        if named in columns:
            return (named,)
        parts = tuple(part.strip() for part in named.split("+"))
        return parts if set(parts) <= set(columns) else ()

    def has(self, target: str, columns: Sequence[str]) -> bool:
        """Whether the file or a constant gives the target."""
        return target in self.constant or bool(self.sources(target, columns))

    def value(self, target: str, columns: Sequence[str]) -> pl.Expr:
        """The raw value of the target, several columns joined by a space; null when there is none."""
        if target in self.constant:
            return pl.repeat(self.constant[target], pl.len())
        parts = self.sources(target, columns)
        if len(parts) > 1:
            joined = pl.concat_str([as_text(pl.col(part)) for part in parts], separator=" ", ignore_nulls=True)
            return joined.str.strip_chars()
        return pl.col(parts[0]) if parts else pl.repeat(None, pl.len(), dtype=pl.String)

    def check(self, path: Path, columns: Sequence[str], *, needed: Sequence[str]) -> None:
        """Raises BadInput when a mapped or a required column is not in the file, with the columns that are."""
        for target, named in self.column.items():
            missing = [part for part in named.split("+") if part.strip() not in columns]
            if missing and named not in columns:
                raise BadInput(f"{path}: no column {missing[0]!r} for {target}; {_hint(missing[0], columns)}")
        for target in needed:
            if not self.has(target, columns):
                how = f"--map {target}=COLUMN"
                raise BadInput(f"{path}: no column {target!r}; {_hint(target, columns)}; say which one holds it: {how}")


def as_text(column: pl.Expr) -> pl.Expr:
    """Trimmed text, empty as null; whole numbers that were read as floats (12.0) lose the fraction."""
    return column.map_batches(_text_of, return_dtype=pl.String)


def _text_of(values: pl.Series) -> pl.Series:
    if values.dtype.is_float():
        whole = values.fill_nan(None)
        is_whole = (whole == whole.round()) & (whole.abs() < 2**53)
        values = whole.cast(pl.String).zip_with(
            ~is_whole.fill_null(False), whole.cast(pl.Int64, strict=False).cast(pl.String)
        )
    text = values.cast(pl.String).str.strip_chars()
    return text.set(text == "", None)


def _pairs(option: str, words: Iterable[str], targets: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for word in filter(None, (word.strip() for word in words)):
        target, equals, value = (part.strip() for part in word.partition("="))
        if not (target and equals and value):
            raise BadInput(f"{option} {word}: write {option} {targets[0]}=...")
        if target not in targets:
            raise BadInput(f"{option} {word}: there is no {target}; {spelling_hint(target, targets)}")
        if target in values:
            raise BadInput(f"{option}: {target} is given twice")
        values[target] = value
    return values


def _hint(word: str, columns: Sequence[str]) -> str:
    close = get_close_matches(word, columns, n=1)
    listed = f"the file has {', '.join(columns) or 'none'}"
    return f"did you mean {close[0]!r}? {listed}" if close else listed
