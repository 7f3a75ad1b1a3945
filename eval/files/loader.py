"""A person's own files of who took what: rows with a user and an item, and why the others were left out."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import polars as pl

from recsys.data.events import Kind
from recsys.data.files.column_mapping import ColumnMapping, as_text
from recsys.data.files.readers import NOT_UTF8, BrokenRow, Chunk, DuplicateColumn, FileTable, open_table
from recsys.data.files.timestamps import parse_timestamps
from recsys.errors import BadFile, BadInput, NotEnoughData

TARGETS = ("user", "item", "weight", "rating", "time", "order_id")
NEEDED = ("user", "item")
# As people, shops and published data sets call them; compared in lower case, without signs and without ":token".
NAMES: Mapping[str, str] = {
    "user": "user userid uid customer customerid household householdid visitor visitorid member memberid client "
    "clientid buyer buyerid reviewer reviewerid account accountid session sessionid",
    "item": "item itemid iid product productid sku asin parentasin article articleid movie movieid book bookid isbn "
    "track trackid song songid artist artistid game gameid business businessid location locationid venue venueid "
    "anime animeid recipe recipeid beer beerid joke jokeid place placeid poi poiid news newsid video videoid "
    "restaurantid",
    "weight": "weight quantity qty count n plays playcount times amount value",
    "rating": "rating ratings stars star score overall bookrating movierating itemrating productrating userrating "
    "reviewrating reviewoverall",
    "time": "time timestamp ts at t datetime date day unixtime eventtime createdat orderdate transactiondate "
    "purchasedate unixreviewtime invoicedate",
    "order_id": "orderid order basketid basket transactionid transaction invoiceid invoiceno invoice ticketid ticket",
}
CHUNK_ROWS = 100_000
MOST_TIMES = 20  # a count above says no more
HIGHEST_RATING = 10.0
FEWEST_LEVELS = 3
NO_TIME, NO_TEXT = "time cannot be read", "no text in UTF-8"
EARLIEST_SECOND = 1e8  # of 1973
FARTHEST_RATING = 1e6  # from 0, either way: one beyond is a slip, and would drown all others

Meaning = Literal["nothing", "ratings", "counts"]
Counted = Literal["moments", "days", "visits"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What became of a file.  columns: by target; dropped: rows by reason; what its weight column means.

    first_day, last_day: of the rows that were read (UTC); None in a file without times, or where they only count days
    or visits.  doubles: rows used that are alike in all that is read to one before them.
    """

    path: str
    rows: int
    used: int
    users: int
    items: int
    columns: Mapping[str, str]
    dropped: Mapping[str, int]
    weight_means: Meaning
    first_day: str | None
    last_day: str | None
    times_count: Counted = "moments"
    doubles: int = 0


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows that count, in the file's order: user_id, item_id, value (null without weights), at_ms, order_id."""

    frame: pl.DataFrame
    facts: Facts

    @property
    def has_times(self) -> bool:
        return "time" in self.facts.columns

    def without(self, frame: pl.DataFrame, why: str) -> "FileRows":
        """The same with only those rows left, the missing ones counted under that reason."""
        gone = self.frame.height - frame.height
        dropped = {**self.facts.dropped, why: gone} if gone else self.facts.dropped
        used, users, items = _sizes(frame)
        return FileRows(frame, replace(self.facts, dropped=dropped, used=used, users=users, items=items))


def read_rows(path: Path, maps: Sequence[str], lowest: float = 0.0) -> FileRows:
    """The file's rows with a value above `lowest`; `maps` are the words of --map.

    Ratings, which any value is where one below 0 may stand, are left out where no scale reaches that far.
    Raises BadFile, BadInput, NotEnoughData.
    """
    table = _opened(path)
    layout = _layout(path, maps, table.columns)
    dropped: Counter[str] = Counter()
    parts = [_counted(chunk, layout, dropped, lowest) for chunk in table.chunks(CHUNK_ROWS)]
    frame = pl.concat(parts) if parts else pl.DataFrame()
    if frame.is_empty():
        _refuse_empty(table, layout, dropped)
    used, users, items = _sizes(frame)
    first_day, last_day = _days(frame) if layout.has("time", table.columns) else (None, None)
    facts = Facts(
        path=str(path),
        rows=frame.height + sum(dropped.values()),
        columns={target: "+".join(found) for target in TARGETS if (found := layout.sources(target, table.columns))},
        dropped=dict(dropped),
        weight_means=_meaning(frame, table.columns, layout),
        used=used,
        users=users,
        items=items,
        first_day=first_day,
        last_day=last_day,
        doubles=frame.height - frame.hash_rows().n_unique(),
    )
    return FileRows(frame, facts)


def doubles_told(facts: Facts, so: str) -> list[str]:
    """The sentence about rows that stand in the file twice, and what becomes of them; none where there are none."""
    if not facts.doubles:
        return []
    rows = "1 row stands" if facts.doubles == 1 else f"{facts.doubles:,} rows stand"
    return [f"{facts.path}: {rows} twice, alike in customer, item and all else that is read; {so}."]


def in_order(train: FileRows, test: FileRows) -> tuple[FileRows, FileRows, Mapping[str, str]]:
    """The same with whole numbers as item ids filled up with zeros, so that 9 stands before 10 where scores are equal.

    And what each such id was; nothing where one of them is no plain number.
    """
    known = pl.concat([train.frame["item_id"], test.frame["item_id"]]).unique()
    if not known.str.contains(r"^(0|[1-9]\d*)$").all():
        return train, test, {}
    width = int(known.str.len_bytes().to_numpy().max())
    filled = pl.col("item_id").str.zfill(width)
    padded = [replace(rows, frame=rows.frame.with_columns(filled)) for rows in (train, test)]
    return padded[0], padded[1], dict(zip(known.str.zfill(width), known, strict=True))


def events_of(rows: FileRows) -> pl.DataFrame:
    """The rows as events.  Ratings are ratings; else purchases, and without times a count of n is n of them.

    (N rows of columns that learning needs.)
    """
    frame, means = rows.frame, rows.facts.weight_means
    if means == "counts" and not rows.has_times:
        times = pl.col("value").round().clip(1, MOST_TIMES).cast(pl.UInt32)
        frame = frame.select(pl.all().repeat_by(times)).explode(frame.columns)
    kind = Kind.RATING if means == "ratings" else Kind.PURCHASE
    return frame.select(
        "user_id",
        "item_id",
        pl.lit(int(kind), pl.Int8).alias("kind"),
        "at_ms",
        (pl.col("value").fill_null(1.0) if means == "counts" and rows.has_times else pl.lit(1.0)).alias("quantity"),
        pl.lit(None, pl.Float64).alias("price"),
        "order_id",
        (pl.col("value") if means == "ratings" else pl.lit(None, pl.Float64)).alias("rating"),
    )


def check_shared(train: FileRows, test: FileRows) -> None:
    """Raises BadInput where no customer and no item of one file stands in the other: ids differ in form."""
    for name in ("user_id", "item_id"):
        if test.frame[name].unique().is_in(train.frame[name].unique().implode()).any():
            return
    known, asked = ("customer {!r}, item {!r}".format(*rows.frame.row(0)[:2]) for rows in (train, test))
    raise BadInput(
        f"{test.facts.path}: none of its customers and none of its items stands in {train.facts.path}; it begins with "
        f"{asked}, that file with {known}; write the ids alike in both"
    )


def _opened(path: Path) -> FileTable:
    try:
        return open_table(path)
    except DuplicateColumn as error:
        _check_header(path, error.names)
        raise


def _check_header(path: Path, columns: Sequence[str]) -> None:
    """Raises BadInput where what stands on top is a row."""
    if all(_is_number(column) or _is_late(column) for column in columns):
        raise BadInput(
            f"{path}: has no header, its first line is {', '.join(columns)}; put the names of its columns above it, "
            f"such as {','.join(_header(columns))}"
        )


def _header(row: Sequence[str]) -> Iterator[str]:
    """What the columns of such a row may be called: user, item, then times by their looks, and a rating."""
    left = ["user", "item"]
    yield from left[: len(row)]
    for at, word in enumerate(row[2:], 3):
        name = "time" if _is_late(word) else "rating"
        yield f"column_{at}" if name in left else name
        left.append(name)


def _layout(path: Path, maps: Sequence[str], columns: Sequence[str]) -> ColumnMapping:
    """What --map says, and for the rest the column whose name means it.  Raises BadInput without user or item."""
    said = ColumnMapping.parse(maps, (), TARGETS)
    taken = {part.strip() for named in said.column.values() for part in named.split("+")}
    guessed = {target: found for target in TARGETS if (found := _guess(target, columns, taken))}
    layout = ColumnMapping({**guessed, **said.column}, {})
    _check_header(path, columns)
    layout.check(path, columns, needed=NEEDED)
    return layout


def _guess(target: str, columns: Sequence[str], taken: set[str]) -> str | None:
    plain = {re.sub(r"[^a-z0-9]", "", column.lower().partition(":")[0]): column for column in columns}
    return next((plain[name] for name in NAMES[target].split() if name in plain and plain[name] not in taken), None)


def _counted(chunk: Chunk, layout: ColumnMapping, dropped: Counter[str], lowest: float) -> pl.DataFrame:
    """The good rows of a piece; the others are added to `dropped`, each under its first reason."""
    raw = chunk.rows.select(layout.value(target, chunk.rows.columns).alias(target) for target in TARGETS)
    has = {target: layout.has(target, chunk.rows.columns) for target in TARGETS}
    value = "rating" if has["rating"] else "weight"
    read = raw.select(
        as_text(pl.col("user")).alias("user_id"),
        as_text(pl.col("item")).alias("item_id"),
        as_text(pl.col(value)).cast(pl.Float64, strict=False).alias("value"),
        pl.col("time").map_batches(parse_timestamps, return_dtype=pl.Int64).alias("at_ms"),
        as_text(pl.col("order_id")).alias("order_id"),
    )
    weighted, timed = pl.lit(has[value]), pl.lit(has["time"])
    rated = pl.lit(has["rating"] or (has["weight"] and lowest < 0))
    why = (
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
    judged = read.with_columns(why.alias("why"))
    dropped.update(judged["why"].drop_nulls().to_list())
    dropped.update(map(_why_broken, chunk.broken))
    return judged.filter(pl.col("why").is_null()).drop("why").with_columns(pl.col("at_ms").fill_null(0))


def _meaning(frame: pl.DataFrame, columns: Sequence[str], layout: ColumnMapping) -> Meaning:
    if layout.has("rating", columns):
        return "ratings"
    if not layout.has("weight", columns):
        return "nothing"
    return "ratings" if _look_like_ratings(frame) else "counts"


def _look_like_ratings(frame: pl.DataFrame) -> bool:
    """Few levels up to 10 in whole or half steps, each item rated once, and not mostly the lowest, as counts are."""
    levels, n = np.unique(frame["value"].to_numpy(), return_counts=True)
    if len(levels) < FEWEST_LEVELS or levels[-1] > HIGHEST_RATING or np.any(levels % 0.5):
        return False
    n_pairs = frame.select(pl.struct("user_id", "item_id").n_unique()).item()
    return bool(n_pairs >= 0.99 * frame.height and np.argmax(n) > 0)


def _sizes(frame: pl.DataFrame) -> tuple[int, int, int]:
    """Rows, users and items."""
    return frame.height, frame["user_id"].n_unique(), frame["item_id"].n_unique()


def _days(frame: pl.DataFrame) -> tuple[str, str]:
    """The days of the first and the last row."""
    at = frame["at_ms"].to_numpy()
    first, last = (str(np.datetime64(int(ms), "ms").astype("datetime64[D]")) for ms in (at.min(), at.max()))
    return first, last


def _is_number(word: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", word))


def _is_late(word: str) -> bool:
    """Whether it is a date, or a number that is no id of most files but counts seconds or more since 1970."""
    if re.fullmatch(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?", word):
        return True
    return _is_number(word) and float(word) >= EARLIEST_SECOND


def _why_broken(broken: BrokenRow) -> str:
    return NO_TEXT if broken.reason == NOT_UTF8 else "no row at all"


def _refuse_empty(table: FileTable, layout: ColumnMapping, dropped: Counter[str]) -> NoReturn:
    """Says what most rows were left out for, and what to do where that is known."""
    path, why = table.path, max(dropped, key=lambda why: dropped[why], default="")
    if why == NO_TEXT:
        raise BadFile(f"{path}: is no text in UTF-8; save it as UTF-8")
    if why == NO_TIME:
        rows = next(table.chunks(CHUNK_ROWS)).rows
        told = rows.select(as_text(layout.value("time", table.columns)).alias("time"))["time"].drop_nulls()
        such = f", such as {told[0]!r}" if len(told) else ""
        raise NotEnoughData(
            f"{path}: no row is left because of its time{such}; write 2019-12-31 or 2019-12-31T18:30:00Z (ISO 8601), "
            "or seconds since 1970"
        )
    raise NotEnoughData(f"{path}: no row with a user and an item; {_told(dropped)}")


def _told(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} rows: {why}" for why, count in dropped.items()) or "the file holds a header only"
