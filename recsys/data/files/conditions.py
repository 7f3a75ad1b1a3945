"""Conditions over the rows of a file: `--where "status=paid"`."""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt

import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, as_column, text_of
from recsys.data.files.numbers import parse_numbers
from recsys.data.files.timestamps import parse_timestamps, time_reading
from recsys.errors import BadInput

SIGN = re.compile(r"!=|<=|>=|=|<|>|(?i:(?<=\s)in(?=\s|\())")
CODE = r"^[+-]?0\d|^.{16}|[a-zA-Z]"
ORDERS: Mapping[str, Callable[[pl.Series, float], pl.Series]] = {"<": lt, ">": gt, "<=": le, ">=": ge}


def check_condition(text: str) -> None:
    """Raises BadInput for a text that is no condition."""
    if not (sign := SIGN.search(text)) or not text[: sign.start()].strip():
        raise BadInput(f'--where {text!r}: write it like "status=paid"; the signs are = != < > <= >= and in')


def rows_where(rows: pl.DataFrame, mapping: ColumnMapping) -> pl.Series:
    """Whether each row fulfils all conditions of the mapping.  (n,) -> (n,) Boolean

    = and != compare numbers as numbers and text without regard to case; an empty value stands for an empty cell.
    < > <= >= compare numbers or times; an empty cell fulfils none of them.  Raises BadInput without such a column.
    """
    holds = pl.Series([True] * rows.height, dtype=pl.Boolean)
    for condition in mapping.where:
        column, sign, value = _parts(condition, rows.columns)
        values = rows.select(as_column(column, rows.columns).alias(column)).to_series()
        if sign in ORDERS:
            holds &= _compared(values, sign, value, condition, mapping)
        else:
            words = _list(value) if sign == "in" else [value]
            is_equal = _is_any(values, words, mapping)
            holds &= ~is_equal if sign == "!=" else is_equal
    return holds


def _parts(condition: str, columns: Sequence[str]) -> tuple[str, str, str]:
    """Column, sign and value; the column is the first that the file has.  Raises BadInput without one."""
    splits = [
        (condition[: sign.start()].strip(), sign[0].lower(), condition[sign.end() :].strip())
        for sign in SIGN.finditer(condition)
    ]
    for column, sign, value in splits:
        if column in columns or column.partition(".")[0] in columns:
            return column, sign, _unquoted(value)
    raise BadInput(f"--where {condition!r}: no column {splits[0][0]!r}; the file has {', '.join(columns)}")


def _list(value: str) -> list[str]:
    return [_unquoted(word.strip()) for word in value.removeprefix("(").removesuffix(")").split(",")]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _is_any(values: pl.Series, words: Sequence[str], mapping: ColumnMapping) -> pl.Series:
    if values.dtype.is_temporal():
        return parse_timestamps(values).is_in(_times(words, mapping).implode()).fill_null(False)
    cells, given = text_of(values).fill_null(""), pl.Series(words, dtype=pl.String)
    is_any = cells.str.to_lowercase().is_in(given.str.to_lowercase().implode())
    numbers = _plain_numbers(given, mapping).drop_nulls()
    return is_any | _plain_numbers(cells, mapping).is_in(numbers.implode()).fill_null(False) if len(numbers) else is_any


def _plain_numbers(text: pl.Series, mapping: ColumnMapping) -> pl.Series:
    """Numbers that two texts can share: 3, 3.0 and 3.00, but not 003 or the digits of a long id."""
    is_code = text.str.contains(CODE).fill_null(False)
    return parse_numbers(text.set(is_code, None), mapping.decimal)


def _times(words: Sequence[str], mapping: ColumnMapping) -> pl.Series:
    return parse_timestamps(pl.Series(words, dtype=pl.String), time_reading(mapping))


def _compared(values: pl.Series, sign: str, value: str, condition: str, mapping: ColumnMapping) -> pl.Series:
    bound = parse_numbers(pl.Series([value]), mapping.decimal)[0]
    if bound is not None and not values.dtype.is_temporal():
        numbers = parse_numbers(values, mapping.decimal)
    elif (bound := _times([value], mapping)[0]) is not None:
        numbers = parse_timestamps(values, time_reading(mapping))
    else:
        raise BadInput(f"--where {condition!r}: {sign} compares numbers and times, and {value!r} is neither")
    return ORDERS[sign](numbers, bound).fill_null(False)
