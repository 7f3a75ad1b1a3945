"""Types of attribute columns: numbers, booleans or text, decided for a whole column and alike in every format."""

from collections.abc import Collection

import polars as pl

from recsys.data.files.column_mapping import DATABASE_NULLS, as_given_text, as_text
from recsys.data.files.numbers import WITH_COMMA, plain_numbers

NUMBER = r"^-?(0|[1-9]\d{0,14})?(\.\d*)?([eE][+-]?\d{1,3})?$"  # at most 15 digits and no leading zero: else it is an id
LOOKS_NUMERIC = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
BOOLEAN = r"^(?i:true|false)$"


def attribute_text(rows: pl.DataFrame, names: Collection[str], prefix: str) -> pl.DataFrame:
    """The columns with these names as text or lists of text, for `typed_column`; each name gets the prefix."""
    return rows.select(_raw(name, rows.schema[name]).alias(f"{prefix}{name}") for name in names)


def typed_column(column: pl.Series, decimal: str | None = None) -> tuple[pl.Series, str | None]:
    """Text as numbers or booleans if all values are; and a note about a column that mixes numbers with text.

    One number with a leading zero or more than 15 digits makes the whole column text: it holds ids.
    """
    if column.dtype != pl.String:
        return column, None
    values = column.drop_nulls()
    if values.is_empty():
        return column, None
    if values.str.contains(BOOLEAN).all():
        return column.str.to_lowercase() == "true", None
    plain = column if decimal is None else plain_numbers(column, decimal)
    is_number = _is_number(plain.drop_nulls())
    if is_number.all():
        return _numbers(plain), None
    return column, _mixed_note(column.name, values, is_number)


def joined_columns(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """All parts as one frame.  A column that holds lists in one part and text in another holds lists in all."""
    names = dict.fromkeys(name for part in parts for name in part.columns)
    lists = {name for name in names if any(isinstance(part.schema.get(name), pl.List) for part in parts)}
    return pl.concat([part.with_columns(_as_list(part, lists)) for part in parts], how="diagonal")


def _raw(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.List | pl.Array) and not kind.inner.is_nested():
        return column.cast(pl.List(pl.String))
    if kind.is_float() or kind.is_decimal():
        number = column.cast(pl.Float64)
        return as_text(pl.when(number.is_finite()).then(number))
    text = column.dt.to_string("iso:strict") if isinstance(kind, pl.Datetime) else column
    return as_given_text(text, DATABASE_NULLS)


def _as_list(part: pl.DataFrame, lists: Collection[str]) -> list[pl.Expr]:
    texts = [name for name in part.columns if name in lists and part.schema[name] == pl.String]
    return [pl.when(pl.col(name).is_not_null()).then(pl.concat_list(name)).alias(name) for name in texts]


def _is_number(values: pl.Series) -> pl.Series:
    return values.str.contains(NUMBER) & values.str.contains(r"\d") & values.cast(pl.Float64, strict=False).is_finite()


def _numbers(column: pl.Series) -> pl.Series:
    """Integers if all are whole, else floats."""
    numbers = column.cast(pl.Float64)
    is_whole = (numbers == numbers.round()).all() and (numbers.abs() < 2**53).all()
    return numbers.cast(pl.Int64) if is_whole else numbers


def _mixed_note(name: str, values: pl.Series, is_number: pl.Series) -> str | None:
    others = values.filter(~is_number)
    commas = others.str.contains(WITH_COMMA)
    if commas.all():
        return f"{name}: kept as text, such as {others[0]!r:.40}; if that is a number, say --decimal , or --decimal ."
    if not is_number.any() or others.str.contains(LOOKS_NUMERIC).any():
        return None  # text, or ids of which some have a leading zero
    shown = ", ".join(repr(value[:30]) for value in others.unique(maintain_order=True).head(3))
    n = len(values)
    return (
        f"{name}: {int(is_number.sum()):,} of {n:,} values are numbers, {len(others):,} are not, such as {shown}; "
        "all are kept as text, which no filter compares with a number"
    )
