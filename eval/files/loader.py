"""Loader of a file of interactions: rows with a user and an item, and the reason why other rows are left out."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl

from eval.files.file_rows import FileFacts, FileRows, WeightMeaning, first_and_last_day, sizes
from eval.files.item_names import ItemNameColumn
from recsys.data.events import Kind
from recsys.data.files.column_mapping import ColumnMapping, as_text
from recsys.data.files.column_names import guess_column
from recsys.data.files.date_order import with_date_orders
from recsys.data.files.formats.csv_table import NOT_UTF8
from recsys.data.files.formats.file_table import Chunk, ChunkProgress, DuplicateColumn, FileTable
from recsys.data.files.numbers import check_decimal, parse_numbers
from recsys.data.files.readers import open_table
from recsys.data.files.source import SourceTable, open_source
from recsys.data.files.timestamps import parse_timestamps, time_reading
from recsys.errors import BadFile, BadInput, NotEnoughData

TARGETS = ("user", "item", "weight", "rating", "time", "order_id", "name")
NEEDED = ("user", "item")
IDS = ("user_id", "item_id", "order_id")
USUAL_TARGETS = {"user": "user_id", "item": "item_id", "time": "at"}  # the targets of an import with another name here
CHUNK_ROWS = 100_000
MOST_TIMES = 20  # a higher count says no more
HIGHEST_RATING = 10.0
FEWEST_LEVELS = 3
NO_TIME, NO_TEXT, LEFT_OUT = "time cannot be read", "no text in UTF-8", "not as --where says"
PLAIN = ColumnMapping({}, {})
EARLIEST_SECOND = 1e8  # of 1973
MIN_IDS, MIN_KNOWN_SHARE = 20, 0.02  # with fewer known ids than that, they are written differently
FARTHEST_RATING = 1e6  # above or below 0: a rating beyond is a slip that would outweigh all others


def read_rows(
    path: Path,
    maps: Sequence[str],
    lowest: float = 0.0,
    *,
    written: ColumnMapping = PLAIN,
    progress: ChunkProgress = lambda chunk: None,
) -> FileRows:
    """The file's rows with a value above `lowest`.  maps: the values of --map.  written: how the file is written, and
    columns like those of --map.

    Ratings beyond FARTHEST_RATING are left out; where `lowest` is below 0, every value is a rating.
    Raises BadFile, BadInput, NotEnoughData.
    """
    columns = _open(path, written).columns
    layout = _layout(path, maps, columns, written)
    table = open_source(path, layout, needed=NEEDED)
    layout = with_date_orders(table, layout)
    dropped: Counter[str] = Counter()
    parts: list[pl.DataFrame] = []
    item_names = ItemNameColumn()
    for chunk in table.filled_chunks(CHUNK_ROWS):
        rows = _read_chunk(chunk, layout, dropped, lowest)
        item_names.add(rows)
        parts.append(rows.drop("name").with_columns(pl.col(IDS).cast(pl.Categorical)))  # 4 bytes each, not some 30
        progress(chunk)
    frame = pl.concat(parts) if parts else pl.DataFrame()
    if frame.is_empty():
        _refuse_empty(table, layout, dropped)
    used, users, items = sizes(frame)
    first_day, last_day = first_and_last_day(frame["at_ms"]) if layout.has("time", table.columns) else (None, None)
    facts = FileFacts(
        path=str(path),
        rows=frame.height + sum(dropped.values()),
        columns={target: "+".join(names) for target in TARGETS if (names := layout.sources(target, table.columns))},
        dropped=dict(dropped),
        weight_means=_weight_meaning(frame, table.columns, layout),
        used=used,
        users=users,
        items=items,
        first_day=first_day,
        last_day=last_day,
        doubles=frame.height - frame.hash_rows().n_unique(),
    )
    return FileRows(frame, facts, item_names.by_item)


def pad_item_ids(train: FileRows, test: FileRows) -> tuple[FileRows, FileRows, Mapping[str, str]]:
    """The same rows with zeros before item ids that are numbers, so that 9 comes before 10 where scores are equal.

    Third, the original of each padded id; where one id is no plain number, ids stay as they are and none is given.
    """
    known = pl.concat([rows.frame["item_id"].unique().cast(pl.String) for rows in (train, test)]).unique()
    if not known.str.contains(r"^(0|[1-9]\d*)$").all():
        return train, test, {}
    width = int(known.str.len_bytes().to_numpy().max())
    filled = pl.col("item_id").cast(pl.String).str.zfill(width).cast(pl.Categorical)
    padded = [replace(rows, frame=rows.frame.with_columns(filled)) for rows in (train, test)]
    return padded[0], padded[1], dict(zip(known.str.zfill(width), known, strict=True))


def build_events(rows: FileRows) -> pl.DataFrame:
    """The rows as events, with the columns that learning needs: ratings, or else purchases.

    Without times, a count of n is n purchases, and so are n rows: an occasion each, as no day tells that they are one.
    """
    frame, means = rows.frame, rows.facts.weight_means
    if means == "counts" and not rows.has_times:
        times = frame["value"].round().clip(1, MOST_TIMES).cast(pl.UInt32)
        frame = frame[np.repeat(np.arange(frame.height), times)]
    kind = Kind.RATING if means == "ratings" else Kind.PURCHASE
    return frame.select(
        "user_id",
        "item_id",
        pl.lit(int(kind), pl.Int8).alias("kind"),
        "at_ms",
        (pl.col("value").fill_null(1.0) if means == "counts" and rows.has_times else pl.lit(1.0)).alias("quantity"),
        pl.lit(None, pl.Float64).alias("price"),
        (pl.col("order_id") if rows.has_times else _occasion_of_row().alias("order_id")),
        (pl.col("value") if means == "ratings" else pl.lit(None, pl.Float64)).alias("rating"),
    )


def _occasion_of_row() -> pl.Expr:
    """The order of a row without a time, else for the second, third, … row of a customer and item a number of its own.

    The first rows bear none: they stay the one basket of their customer.
    """
    ordinal = pl.int_range(pl.len()).over("user_id", "item_id")
    own = pl.when(ordinal > 0).then(pl.format("row {}", ordinal)).cast(pl.Categorical)
    return pl.coalesce("order_id", own)


def check_shared(train: FileRows, test: FileRows) -> None:
    """Raises BadInput where the ids of the two files are written differently: hardly any of a column is in both.

    That is: no customer and no item, or of one column less than MIN_KNOWN_SHARE of at least MIN_IDS different ids.
    """
    known = {name: _known_ids(name, train, test) for name in ("user_id", "item_id")}
    if not any(is_known.any() for _, is_known in known.values()):
        train_row, test_row = ("customer {!r}, item {!r}".format(*rows.frame.row(0)[:2]) for rows in (train, test))
        raise BadInput(
            f"{test.facts.path}: none of its customers and none of its items stands in {train.facts.path}; it begins "
            f"with {test_row}, that file with {train_row}; write the ids alike in both"
        )
    for name, (ids, is_known) in known.items():
        if len(ids) >= MIN_IDS and is_known.sum() < MIN_KNOWN_SHARE * len(ids):
            noun = "customers" if name == "user_id" else "items"
            raise BadInput(
                f"{test.facts.path}: {is_known.sum():,} of its {len(ids):,} {noun} stand in {train.facts.path}, so no "
                f"model can be judged; it has {ids.filter(~is_known)[0]!r}, that file {train.frame[name][0]!r}; "
                "write the ids alike in both, as text without .0 and with their zeros"
            )


def _known_ids(name: str, train: FileRows, test: FileRows) -> tuple[pl.Series, pl.Series]:
    """The different ids of the test file, and which of them stand in the training file."""
    ids = test.frame[name].unique(maintain_order=True).cast(pl.String)
    return ids, ids.is_in(train.frame[name].unique().cast(pl.String).implode())


def _open(path: Path, written: ColumnMapping) -> FileTable:
    try:
        return open_table(
            path,
            delimiter=written.delimiter,
            header=written.header,
            encoding=written.encoding,
            sheet=written.sheet,
            file_format=written.file_format,
        )
    except DuplicateColumn as error:
        _check_header(path, error.names)
        raise


def _check_header(path: Path, columns: Sequence[str]) -> None:
    """Raises BadInput where the first line is a row."""
    if all(_is_number(column) or _looks_like_time(column) for column in columns):
        raise BadInput(
            f"{path}: has no header, its first line is {', '.join(columns)}; put the names of its columns into "
            f"--header, or in a line above it, such as {','.join(_header(columns))}"
        )


def _header(row: Sequence[str]) -> Iterator[str]:
    """Column names to propose for such a row: user, item, then time for what looks like one, and rating."""
    used = ["user", "item"]
    yield from used[: len(row)]
    for at, word in enumerate(row[2:], 3):
        name = "time" if _looks_like_time(word) else "rating"
        yield f"column_{at}" if name in used else name
        used.append(name)


def _layout(path: Path, maps: Sequence[str], columns: Sequence[str], written: ColumnMapping) -> ColumnMapping:
    """The mapping of --map, and for other targets the column with a usual name.

    Raises BadInput without a column of users or of items.
    """
    given = {**written.column, **ColumnMapping.parse(maps, (), TARGETS).column}
    taken = {part.strip() for named in given.values() for part in named.split("+")}
    guesses = {target: guess_column(USUAL_TARGETS.get(target, target), columns, taken) for target in TARGETS}
    guessed = {target: name for target, name in guesses.items() if name}
    layout = replace(written, column={**guessed, **given})
    _check_header(path, columns)
    return layout


def _read_chunk(chunk: Chunk, layout: ColumnMapping, dropped: Counter[str], lowest: float) -> pl.DataFrame:
    """The good rows of a chunk; the others are added to `dropped`, each under its first reason."""
    raw = chunk.rows.select(layout.value(target, chunk.rows.columns).alias(target) for target in TARGETS)
    has = {target: layout.has(target, chunk.rows.columns) for target in TARGETS}
    check_decimal(chunk.rows, layout, ("weight", "rating"))
    value = "rating" if has["rating"] else "weight"
    numbers = partial(parse_numbers, decimal=layout.decimal)
    times = partial(parse_timestamps, reading=time_reading(layout, "time"))
    read = raw.select(
        as_text(pl.col("user")).alias("user_id"),
        as_text(pl.col("item")).alias("item_id"),
        pl.col(value).map_batches(numbers, return_dtype=pl.Float64).alias("value"),
        pl.col("time").map_batches(times, return_dtype=pl.Int64).alias("at_ms"),
        as_text(pl.col("order_id")).alias("order_id"),
        as_text(pl.col("name")).alias("name"),
    )
    weighted, timed = pl.lit(has[value]), pl.lit(has["time"])
    rated = pl.lit(has["rating"] or (has["weight"] and lowest < 0))
    reason = (
        pl.when(pl.col("user_id").is_null())
        .then(pl.lit("no user"))
        .when(pl.col("item_id").is_null())
        .then(pl.lit("no item"))
        .when(weighted & ~pl.col("value").is_finite().fill_null(False))
        .then(pl.lit(f"{value} is no number"))
        .when(weighted & (pl.col("value") <= lowest))
        .then(pl.lit(f"{value} of 0 or below"))
        .when(rated & (pl.col("value").abs() > FARTHEST_RATING))
        .then(pl.lit("rating out of range"))
        .when(timed & pl.col("at_ms").is_null())
        .then(pl.lit(NO_TIME))
    )
    checked = read.with_columns(reason.alias("reason"))
    dropped.update(checked["reason"].drop_nulls().to_list())
    if chunk.n_left_out:
        dropped[LEFT_OUT] += chunk.n_left_out
    dropped.update(NO_TEXT if row.reason == NOT_UTF8 else "no row at all" for row in chunk.broken)
    return checked.filter(pl.col("reason").is_null()).drop("reason").with_columns(pl.col("at_ms").fill_null(0))


def _weight_meaning(frame: pl.DataFrame, columns: Sequence[str], layout: ColumnMapping) -> WeightMeaning:
    if layout.has("rating", columns):
        return "ratings"
    if not layout.has("weight", columns):
        return "nothing"
    return "ratings" if _look_like_ratings(frame) else "counts"


def _look_like_ratings(frame: pl.DataFrame) -> bool:
    """Few levels up to 10 in whole or half steps, each item rated once, and the lowest level not the most frequent."""
    levels, n = np.unique(frame["value"].to_numpy(), return_counts=True)
    if len(levels) < FEWEST_LEVELS or levels[-1] > HIGHEST_RATING or np.any(levels % 0.5):
        return False
    n_pairs = frame.select(pl.struct("user_id", "item_id").n_unique()).item()
    return bool(n_pairs >= 0.99 * frame.height and np.argmax(n) > 0)


def _is_number(word: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", word))


def _looks_like_time(word: str) -> bool:
    """Whether it is a date, or a number so large that it counts seconds since 1970 and is hardly an id."""
    if re.fullmatch(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?", word):
        return True
    return _is_number(word) and float(word) >= EARLIEST_SECOND


def _refuse_empty(table: SourceTable, layout: ColumnMapping, dropped: Counter[str]) -> NoReturn:
    """Raises the error that names the most frequent reason, and what to do where that is known."""
    path, reason = table.path, max(dropped, key=lambda name: dropped[name], default="")
    if reason == NO_TEXT:
        raise BadFile(f"{path}: is no text in UTF-8; save it as UTF-8")
    if reason == NO_TIME:
        rows = next(table.chunks(CHUNK_ROWS)).rows
        times = rows.select(as_text(layout.value("time", table.columns)).alias("time"))["time"].drop_nulls()
        such = f", such as {times[0]!r}" if len(times) else ""
        raise NotEnoughData(
            f"{path}: no row is left because of its time{such}; write 2019-12-31 or 2019-12-31T18:30:00Z (ISO 8601), "
            "or seconds since 1970, or say --time-format, such as '%d/%m/%Y'"
        )
    counts = ", ".join(f"{count:,} rows: {reason}" for reason, count in dropped.items())
    raise NotEnoughData(f"{path}: no row with a user and an item; {counts or 'the file holds a header only'}")
