"""Doubts about a guessed table: its format, columns that were not taken, ids, and currencies."""

import re
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from recsys.data.files.column_names import USUAL_NAMES, plain_name
from training.importing.look.table_guess import TableGuess

NEEDED = {"events": ("user_id", "item_id", "at"), "items": ("item_id",), "users": ("user_id",)}
VALUE = r"[\d.,:/ +-]+"  # of a column name that is a number or a date
LONG_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|\d{9,19}")
KNOWN_NAMES = {name for names in USUAL_NAMES.values() for name in names.split()}
NUMBERS = ("quantity", "price", "amount", "rating", "discount", "stock", "cost")
NATURES = {
    "at": "time",
    "available_from": "time",
    "available_until": "time",
    "kind": "known kind",
    **dict.fromkeys(NUMBERS, "number"),
}
CURRENCY_NAME = r"currency|wahrung|waehrung|devise|moneda|valuta|moeda|waluta|parabirimi"
SIGN = r"(\p{Sc}|\b(?:EUR|USD|GBP|CHF|CAD|AUD|JPY|PLN|SEK|NOK|DKK|TRY|BRL|INR)\b)"
MONEY = ("price", "amount", "discount", "cost")
UNICODE = ("utf-8", "utf-16", "utf-16-le", "utf-16-be")


def format_doubts(columns: Sequence[str], encoding: str, rows: pl.DataFrame) -> Iterator[str]:
    """Doubts about the header, the separator and the encoding."""
    n_values = sum(bool(re.fullmatch(VALUE, name)) for name in columns)
    if (
        any(LONG_TIME.fullmatch(name) for name in columns)
        or n_values == len(columns)
        or (2 * n_values >= len(columns) and not KNOWN_NAMES & {*map(plain_name, columns)})
    ):
        yield (
            "the first line looks like a row; put a line with the names of the columns above it, or give them to the "
            "import, such as --header user_id,item_id,at"
        )
    if len(columns) == 1 and re.search(r"[\^~\x01\x1f:]|\S  +\S", columns[0]):
        yield f"only one column was found, {columns[0]!r}; if it is several, name their separator: --delimiter"
    if encoding not in UNICODE:
        texts = [*columns, *(text for name in columns for text in _other_letters(rows[name]))]
        shown = next((text for text in texts if not text.isascii()), None)
        if shown is not None:
            yield f"the file is not UTF-8; as {encoding} it holds {shown!r:.40}; if that is wrong, name its --encoding"


def table_doubts(guess: TableGuess, cells: Mapping[str, pl.Series]) -> Iterator[str]:
    """Doubts about the table and its columns."""
    for target in NEEDED[guess.table]:
        if target not in guess.columns:
            yield f"no column looks like {target}; name it: --map {target}=COLUMN"
    for target, name in guess.unfit.items():
        nature = NATURES.get(target, "plain value")
        yield f"{name}: it has a name for {target}, but {cells[name].drop_nulls()[0]!r:.40} is no {nature}: left out"
    user = guess.columns.get("user_id", "")
    if guess.table == "users" and cells[user].drop_nulls().n_unique() < cells[user].count():
        yield f"{user} stands in several lines: if each is an order, name its item and time: --map item_id=COLUMN"
    if guess.table != "events":
        lists = [name for name, text in cells.items() if (text.str.contains(r"^\[?\s*\{").fill_null(False)).any()]
        names = (name.removesuffix(".0") for name in lists)
        yield from (f"{name} holds lists; to import each element as a row, say --explode {name}" for name in names)
    yield from _id_doubts(guess, cells)
    yield from _currency_doubts(guess, cells)


def _other_letters(values: pl.Series) -> list[str]:
    text = values.cast(pl.String)
    return text.filter((text.str.len_bytes() != text.str.len_chars()).fill_null(False)).head(1).to_list()


def _id_doubts(guess: TableGuess, cells: Mapping[str, pl.Series]) -> Iterator[str]:
    for target in ("user_id", "item_id"):
        text = cells[guess.columns[target]].drop_nulls() if target in guess.columns else pl.Series([], dtype=pl.String)
        if len(text) and text.str.contains(r"^\d+\.0$").all():
            yield f"{guess.columns[target]}: ids such as {text[0]} stay as they are; {text[0][:-2]} is another id"


def _currency_doubts(guess: TableGuess, cells: Mapping[str, pl.Series]) -> Iterator[str]:
    """A doubt about money of several currencies."""
    columns = [cells[guess.columns[target]] for target in MONEY if target in guess.columns]
    named = [text for name, text in cells.items() if re.search(CURRENCY_NAME, plain_name(name))] if columns else []
    for signs in (*(text.str.extract(SIGN) for text in columns), *named):
        different = signs.drop_nulls().unique(maintain_order=True).head(4).to_list()
        if len(different) > 1:
            yield f"money is in several currencies ({', '.join(different)}): numbers are imported as they are"
            return
