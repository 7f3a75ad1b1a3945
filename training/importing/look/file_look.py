"""Look at a file: its table, columns, kinds and format, with examples, doubts, and the command that imports it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from recsys.data.files.column_mapping import ColumnMapping, as_text
from recsys.data.files.encoding_guess import guess_encoding
from recsys.data.files.formats.byte_stream import split_member, uncompressed_name
from recsys.data.files.formats.xlsx_table import XlsxTable
from recsys.data.files.numbers import parse_numbers
from recsys.data.files.readers import PLAIN_SUFFIXES
from recsys.data.files.source import SourceTable, open_source
from recsys.data.guests import GUEST_NUMBERS, GUEST_WORDS
from recsys.errors import BadInput
from training.importing.entities import ITEMS, USERS, EntitySpec
from training.importing.events import event_columns
from training.importing.look.kind_words import guess_kinds
from training.importing.look.profile_reading import joins_beside, profile_mapping
from training.importing.look.table_doubts import NEEDED, format_doubts, table_doubts
from training.importing.look.table_guess import TableGuess, guess_explode, guess_table, text_cells, with_time_of_day
from training.importing.look.value_guess import guess_decimal, guess_time_formats, local_time
from training.importing.profiles.profile import Profile, matching_profile
from training.importing.validation import event_fault

SAMPLE_ROWS = 10_000
EXAMPLES = 3
ATTRIBUTE = "attribute"  # in place of a target
MAP_WIDTH = 64  # letters
MOST_REASONS = 5
TEXT_SUFFIXES = (".csv", ".tsv", *PLAIN_SUFFIXES)
NUMBERS = ("quantity", "price", "amount", "rating", "discount", "stock", "cost")
GONE = r"(?i)cancel|refund|void|return|failed|storn|annul|anul|rembours|gutschrift|credit|devol|iptal|iade"
MOST = 20  # different words of a column of states
TIMES = ("at", "available_from", "available_until")


@dataclass(frozen=True, slots=True)
class ColumnLook:
    """A column, the target that it is taken for (or ATTRIBUTE, or None), and some of its values."""

    column: str
    target: str | None
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileLook:
    """The guess about a file.  form: how it is written.  n_rows: that were looked at.

    profile: the name of the profile that fits, or None.  words: the command that imports the file.
    """

    path: str
    form: str
    n_rows: int
    table: str
    profile: str | None
    columns: tuple[ColumnLook, ...]
    doubts: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(slots=True)
class _Options:
    """The guessed options of the import beside --map, and doubts about them."""

    explode: str | None = None
    encoding: str = "utf-8"
    file_format: str | None = None
    joins: tuple[str, ...] = ()
    kind: str | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    decimal: str | None = None
    time_formats: list[str] = field(default_factory=list)
    returns_by_sign: bool = False
    guest: str | None = None
    doubts: list[str] = field(default_factory=list)

    def words(self) -> list[str]:
        kinds = ",".join(f"{word}={kind}" for word, kind in self.kinds.items())
        encoding = None if self.encoding == "utf-8" else self.encoding
        values = [
            ("format", self.file_format),
            ("explode", self.explode),
            ("kind", self.kind),
            ("kinds", kinds),
            ("decimal", self.decimal),
        ]
        values += [("time-format", each) for each in self.time_formats] + [("encoding", encoding)]
        values += [("join", each) for each in self.joins]
        words = [word for option, value in values if value for word in (f"--{option}", value)]
        words += [] if self.guest is None else ["--guest", self.guest]
        return [*words, *(["--returns-by-sign"] if self.returns_by_sign else [])]

    def mapping(self, columns: Mapping[str, str]) -> ColumnMapping:
        return ColumnMapping(
            columns,
            {},
            explode=self.explode,
            guests=GUEST_WORDS | GUEST_NUMBERS | ({self.guest} if self.guest is not None else set()),
            returns_by_sign=self.returns_by_sign,
            encoding=self.encoding,
            file_format=self.file_format,
            decimal=self.decimal,
            time_formats=tuple(self.time_formats),
            kinds={word.lower(): kind for word, kind in self.kinds.items()},
        )


def look_at(path: Path, *, now_ms: int) -> FileLook:
    """The guess, from the first rows of the file.  Writes nothing.  Raises BadFile, BadInput."""
    is_text = uncompressed_name(path).endswith(TEXT_SUFFIXES) and split_member(path)[0].is_file()
    options = _Options(encoding=guess_encoding(path) if is_text else "utf-8")
    options.file_format = "csv" if uncompressed_name(path).endswith(PLAIN_SUFFIXES) else None
    source = open_source(path, options.mapping({}))
    table, rows = source.table, _first_rows(source)
    if rows.is_empty():
        broken = next((row for chunk in table.chunks(SAMPLE_ROWS) for row in chunk.broken), None)
        why = "holds no rows" if broken is None else f"no row can be read; line {broken.line} {broken.reason}"
        raise BadInput(f"{path}: {why}")
    options.doubts += format_doubts(table.columns, options.encoding, rows)
    profile = matching_profile(table.columns)
    explode = guess_explode(rows) if profile is None else profile.explode
    if explode is not None:
        rows = _first_rows(open_source(path, _Options(explode, options.encoding, options.file_format).mapping({})))
    cells = text_cells(rows)
    if profile is None:
        options.explode = explode
        guess, cells = with_time_of_day(guess_table(cells, explode), cells)
        options.doubts += table_doubts(guess, cells)
        _guess_options(options, guess, cells)
        mapping, kind = options.mapping(guess.columns), options.kind
        head, maps = [guess.table], [f"{target}={name}" for target, name in guess.columns.items() if target != name]
    else:
        guess, head, maps = TableGuess(profile.table, profile.mapped()), ["--profile", profile.name], []
        mapping, kind = profile_mapping(profile, options.encoding), next(iter(profile.listed("kind")), None)
        options.joins = joins_beside(profile, path)
        mapping = replace(mapping, joins=options.joins, file_format=options.file_format)
        mapping = _with_other_kinds(path, mapping, options)
        guess = TableGuess(profile.table, mapping.column)
    options.doubts += _zone_doubts(guess, cells) if profile is None or "time-zone" not in profile.options else []
    options.doubts += _refusals(path, guess, mapping, kind, now_ms)
    options.doubts += (
        [f"the sheet {table.sheet_name} is read; others are {', '.join(table.other_sheets)}: name one with --sheet"]
        if isinstance(table, XlsxTable) and table.other_sheets
        else []
    )
    return FileLook(
        path=str(path),
        form=_form(path, options.encoding if is_text else None, getattr(table, "delimiter", None)),
        n_rows=rows.height,
        table=guess.table,
        profile=None if profile is None else profile.name,
        columns=tuple(_column_looks(guess, cells, profile)),
        doubts=tuple(options.doubts),
        words=("recsys", "import", *head, str(path), *_map_words(maps), *options.words()),
    )


def _map_words(maps: list[str]) -> list[str]:
    """Options --map that hold all pairs, none of them long."""
    words: list[str] = []
    for pair in maps:
        if words and len(words[-1]) + len(pair) < MAP_WIDTH:
            words[-1] = f"{words[-1]},{pair}"
        else:
            words += ["--map", pair]
    return words


def _guess_options(options: _Options, guess: TableGuess, cells: Mapping[str, pl.Series]) -> None:
    """Fills in the options that read the table, and the doubts about them."""
    if guess.table == "events":
        _guess_kind(options, guess, cells)
        options.doubts += _status_doubts(guess, cells)
    numbers = (cells[guess.columns[target]] for target in NUMBERS if target in guess.columns)
    options.decimal, doubt = guess_decimal(numbers)
    options.doubts += [doubt] if doubt else []
    if guess.table == "events":
        _guess_returns(options, guess, cells)
        _guess_guests(options, guess, cells)
    for target in TIMES:
        if target in guess.columns:
            formats, doubt = guess_time_formats(cells[guess.columns[target]])
            options.time_formats += formats
            options.doubts += [f"{guess.columns[target]}: {doubt}"] if doubt else []


def _guess_kind(options: _Options, guess: TableGuess, cells: Mapping[str, pl.Series]) -> None:
    column = guess.columns.get("kind")
    if column is None:
        is_rated = "rating" in guess.columns and not {"price", "amount", "quantity"} & guess.columns.keys()
        options.kind = "rating" if is_rated else "purchase"
        options.doubts.append(f"no column of kinds: each line is taken for a {options.kind}; if not, change --kind")
        return
    words = cells[column].drop_nulls().unique(maintain_order=True).to_list()
    options.kinds, unknown = guess_kinds(words)
    if unknown:
        shown = ", ".join(unknown[:5])
        options.doubts.append(
            f"{column}: the kind of {shown} is not known; name it: --kinds {unknown[0]}=KIND, or leave such lines out: "
            f"--where '{column}!={unknown[0]}'"
        )


def _guess_returns(options: _Options, guess: TableGuess, cells: Mapping[str, pl.Series]) -> None:
    """Takes purchases below 0 for returns, where no column names the kinds."""
    for target in ("quantity", "amount"):
        if "kind" not in guess.columns and target in guess.columns:
            text = cells[guess.columns[target]]
            below = text.filter((parse_numbers(text, options.decimal) < 0).fill_null(False))
            if len(below) and not options.returns_by_sign:
                options.returns_by_sign = True
                options.doubts.append(
                    f"{guess.columns[target]} has values below 0, such as {below[0]}: such lines are taken for returns"
                )


def _guess_guests(options: _Options, guess: TableGuess, cells: Mapping[str, pl.Series]) -> None:
    """Takes orders without any customer for those of guests."""
    if not {"user_id", "order_id"} <= guess.columns.keys():
        return
    targets = [target for target in ("user_id", "order_id", "item_id") if target in guess.columns]
    rows = pl.DataFrame([cells[guess.columns[target]].alias(target[:-3]) for target in targets])
    rows = rows.drop_nulls([name for name in rows.columns if name != "user"])
    nobody = rows.filter(pl.col("user").is_null().all().over("order"))
    if nobody.height:
        options.guest = ""
        options.doubts.append(
            f"{guess.columns['user_id']} is empty in {nobody['order'].n_unique():,} orders: they are taken for those "
            "of guests"
        )


def _zone_doubts(guess: TableGuess, cells: Mapping[str, pl.Series]) -> list[str]:
    """A doubt about the first column of times that have no zone."""
    columns = [guess.columns[target] for target in TIMES if guess.columns.get(target, "") in cells]
    local = next(((column, at) for column in columns if (at := local_time(cells[column]))), None)
    if local is None:
        return []
    zone = "in the time zone of the rules, else in UTC; if the shop's clock is another, say --time-zone Europe/Berlin"
    return [f"{local[0]}: {local[1]} has no time zone: it is read {zone}"]


def _status_doubts(guess: TableGuess, cells: Mapping[str, pl.Series]) -> list[str]:
    """A doubt about a column whose words say that some orders did not happen."""
    for name, text in cells.items():
        if name not in guess.columns.values() and len(words := text.drop_nulls().unique(maintain_order=True)) <= MOST:
            gone = words.filter(words.str.contains(GONE))
            if len(gone):
                return [f"{name} has {', '.join(words.head(5))}: to leave lines out, say --where '{name}!={gone[0]}'"]
    return []


def _with_other_kinds(path: Path, mapping: ColumnMapping, options: _Options) -> ColumnMapping:
    """The mapping with kinds for the words of the file that it does not know; they become options."""
    rows = _first_rows(open_source(path, mapping))
    words = rows.select(as_text(mapping.value("kind", rows.columns)).alias("kind"))["kind"].drop_nulls()
    unknown = [word for word in words.unique(maintain_order=True).to_list() if word.lower() not in mapping.kinds]
    options.kinds = guess_kinds(unknown)[0]
    return replace(mapping, kinds={**mapping.kinds, **{word.lower(): kind for word, kind in options.kinds.items()}})


def _refusals(path: Path, guess: TableGuess, mapping: ColumnMapping, kind: str | None, now_ms: int) -> list[str]:
    """A doubt for each reason for which the importer would refuse rows."""
    if not all(target in guess.columns for target in NEEDED[guess.table]):
        return []
    chunk = next(open_source(path, mapping).filled_chunks(SAMPLE_ROWS), None)
    if chunk is None:
        return []
    if guess.table == "events":
        columns, fault = event_columns(chunk.rows, mapping, kind), event_fault(now_ms, mapping)
    else:
        spec: EntitySpec[Any] = ITEMS if guess.table == "items" else USERS
        columns, fault = spec.columns(chunk.rows, mapping), spec.fault(mapping)
    reasons = Counter(columns.select(fault.alias("reason"))["reason"].drop_nulls().to_list())
    reasons.update(f"the line {row.reason}" for row in chunk.broken)
    return [
        f"{n:,} of {chunk.rows.height + len(chunk.broken):,} rows would be refused: {reason}"
        for reason, n in reasons.most_common(MOST_REASONS)
    ]


def _first_rows(source: SourceTable) -> pl.DataFrame:
    return next((chunk.rows for chunk in source.filled_chunks(SAMPLE_ROWS)), pl.DataFrame())


def _column_looks(guess: TableGuess, cells: Mapping[str, pl.Series], profile: Profile | None) -> Iterator[ColumnLook]:
    targets = {column: target for target, column in guess.columns.items()}
    for name, text in cells.items():
        values = text.drop_nulls().unique(maintain_order=True).head(EXAMPLES).to_list()
        is_attribute = guess.table != "events" and (profile is None or profile.keeps(name))
        yield ColumnLook(name, targets.get(name, ATTRIBUTE if is_attribute else None), tuple(values))


def _form(path: Path, encoding: str | None, delimiter: str | None) -> str:
    """The format in words, such as `CSV, utf-8, separator ;`."""
    suffix = uncompressed_name(path).rpartition(".")[2].upper()
    parted = {"\t": "tabs", "\x1f": "::", None: None}.get(delimiter, delimiter)
    parts = [suffix, encoding, parted and f"separator {parted}"]
    return ", ".join(part for part in parts if part)
