"""Numbers in files: decimal point or decimal comma, and thousands separators."""

from collections.abc import Iterable

import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, as_text, text_of
from recsys.errors import BadInput

WITH_COMMA = r"^[+-]?\d[\d.]*,\d+$|^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
THOUSANDS = {",": r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$", ".": r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"}
MIN_SHARE = 0.01  # of the values of a column; with fewer, they are typing errors, and each line is refused


def parse_numbers(values: pl.Series, decimal: str | None) -> pl.Series:
    """Float64, null where a value is no number.  decimal: the decimal separator, `,` or `.`; None is a point."""
    if values.dtype.is_numeric() or decimal is None:
        return text_of(values).cast(pl.Float64, strict=False)
    return plain_numbers(text_of(values), decimal).cast(pl.Float64, strict=False)


def plain_numbers(text: pl.Series, decimal: str) -> pl.Series:
    """The text with numbers in the form of programs: 1.299,50 becomes 1299.50; other text stays."""
    separator = "." if decimal == "," else ","
    grouped = text.str.contains(THOUSANDS[decimal]).fill_null(False)
    text = text.str.replace_all(separator, "", literal=True).zip_with(grouped, text)
    is_comma = text.str.contains(r"^[+-]?\d+,\d+$").fill_null(False) & (decimal == ",")
    return text.str.replace(",", ".", literal=True).zip_with(is_comma, text)


def check_decimal(rows: pl.DataFrame, mapping: ColumnMapping, targets: Iterable[str]) -> None:
    """Raises BadInput when numbers of a target have commas and no --decimal says what a comma means."""
    if mapping.decimal is not None:
        return
    for target in targets:
        if not mapping.sources(target, rows.columns):
            continue
        values = rows.select(as_text(mapping.value(target, rows.columns)))[:, 0].drop_nulls()
        commas = values.filter(values.str.contains(WITH_COMMA))
        if len(commas) > MIN_SHARE * len(values):
            raise BadInput(
                f"{target} has numbers such as {commas[0]!r:.40}: say --decimal , if 3,50 is three and a half, or "
                "--decimal . if 1,299 is more than a thousand"
            )
