"""Numbers in files: decimal point or decimal comma, thousands separators, currencies, and signs of accountants."""

from collections.abc import Iterable, Sequence
from functools import partial

import polars as pl

from recsys.data.files.column_mapping import NULL_WORDS, ColumnMapping, as_column, as_text, text_of
from recsys.errors import BadInput

WITH_COMMA = r"^[+-]?\d[\d.]*,\d+$|^[+-]?\d{1,3}(,\d{2,3})*,\d{3}(\.\d+)?$"
THOUSANDS = {",": r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$", ".": r"^[+-]?\d{1,3}(,\d{2,3})*,\d{3}(\.\d+)?$"}  # 1,23,456 too
PLAIN = r"^[+-]?[\d.,]*(?:[eE][+-]?\d+)?$"
CURRENCY = (
    r"(?:(?:US|AU?|CA?|NZ|HK|S|R|MX)?\$|\p{Sc}|(?i:EUR|USD|GBP|CHF|JPY|CNY|INR|BRL|TRY|PLN|CZK|HUF|RON|BGN|SEK|"
    r"NOK|DKK|ISK|AUD|CAD|NZD|MXN|ZAR|RUB|UAH|ILS|AED|SAR|THB|SGD|HKD|KRW|IDR|MYR|PHP|VND|Rs\.?|kr\.?|z[lł]|K[cč]|Ft|lei|"
    r"TL|руб\.?|р\.|грн\.?|лв\.?|Fr\.?|SFr\.?|元|円))"
)
CLEANED = (  # what shops write around digits, and what programs write
    (r"[−–]", "-"),
    (r"^\((.*)\)$", "-${1}"),  # of accountants: (15.00)
    (rf"^([+-]?)\s*{CURRENCY}\s*([+-]?[\d.,].*)$", "${1}${2}"),
    (rf"^(.*[\d.,-])\s*{CURRENCY}\s*(-?)$", "${1}${2}"),
    (r"^(\D?\d.*)[.,]-+$", "${1}"),  # 12.- and 12,--
    (r"^([\d.,\s'’]+)-$", "-${1}"),  # of SAP: 7,00-
)
GROUPED_BY_BLANKS = r"^[+-]?\d{1,3}(?:[\s'’]\d{3})+(?:[.,]\d+)?$"
SUM_DECIMALS = 9  # of a sum of columns: 0.1 + 0.2 is 0.3
MIN_SHARE = 0.01  # of the values of a column; with fewer, they are typing errors, and each line is refused


def read_number(target: str, mapping: ColumnMapping, columns: Sequence[str]) -> pl.Expr:
    """The number of a target in each row, Float64; null where it has none, or a part of it is no number.

    Several columns are summed, where empty cells count as 0.
    """
    read = partial(parse_numbers, decimal=mapping.decimal)
    parts = mapping.sources(target, columns)
    if len(parts) < 2:
        return mapping.value(target, columns).map_batches(read, return_dtype=pl.Float64).alias(target)
    numbers = [as_column(part, columns).map_batches(read, return_dtype=pl.Float64) for part in parts]
    given = [~as_text(as_column(part, columns)).is_in([*NULL_WORDS]).fill_null(True) for part in parts]
    is_bad = pl.any_horizontal(is_given & number.is_null() for is_given, number in zip(given, numbers, strict=True))
    total = pl.sum_horizontal(numbers).round(SUM_DECIMALS)
    return pl.when(pl.any_horizontal(given) & ~is_bad).then(total).alias(target)


def parse_numbers(values: pl.Series, decimal: str | None) -> pl.Series:
    """Float64, null where a value is no number.  decimal: the decimal separator, `,` or `.`; None is a point."""
    if values.dtype.is_numeric():
        return text_of(values).cast(pl.Float64, strict=False)
    text = text_of(values)
    numbers = text.cast(pl.Float64, strict=False)
    if decimal != "," and numbers.null_count() == text.null_count():
        return numbers
    text = bare_numbers(text)
    return (text if decimal is None else plain_numbers(text, decimal)).cast(pl.Float64, strict=False)


def bare_numbers(text: pl.Series) -> pl.Series:
    """The text without currencies and blanks between thousands: `1 299,50 €` becomes 1299,50, and (15) becomes -15.

    Text that is no number stays as it is.
    """
    if text.str.contains(PLAIN).all():
        return text
    bare = text
    for pattern, plain in CLEANED:
        bare = bare.str.replace(pattern, plain)
    bare = bare.str.replace_all(r"[\s'’]", "").zip_with(bare.str.contains(GROUPED_BY_BLANKS).fill_null(False), bare)
    return bare.zip_with(bare.str.contains(r"^[+-]?[\d.,]*\d[\d.,]*$").fill_null(False), text)


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
        for part in mapping.sources(target, rows.columns):
            values = rows.select(as_text(as_column(part, rows.columns)))[:, 0].drop_nulls()
            commas = bare_numbers(values.filter(values.str.contains(",", literal=True)))
            commas = commas.filter(commas.str.contains(WITH_COMMA))
            if len(commas) <= MIN_SHARE * len(values):
                continue
            raise BadInput(
                f"{target} has numbers such as {commas[0]!r:.40}: say --decimal , if 3,50 is three and a half, or "
                "--decimal . if 1,299 is more than a thousand"
            )
