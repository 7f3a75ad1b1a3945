"""Import of events from a shop's files: every line is accepted, already known, or refused with a reason."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from recsys.arrays import AnyArray, Longs
from recsys.config import spelling_hint
from recsys.data.checks.per_line import LineCounts
from recsys.data.events import KIND_BY_NAME, Event
from recsys.data.files.column_mapping import NULL_TEXTS, NULL_WORDS, ColumnMapping, as_given_text, as_text
from recsys.data.files.date_order import with_date_orders
from recsys.data.files.formats.file_table import Chunk, ChunkProgress
from recsys.data.files.numbers import check_decimal, read_number
from recsys.data.files.source import open_source
from recsys.data.files.timestamps import REPEATED, SKIPPED, read_times, time_reading
from recsys.data.guests import PREFIX as GUEST_PREFIX
from recsys.data.store.identity import AppendResult, Conflict
from recsys.errors import BadInput
from training.importing.rejects import Rejects, Tally
from training.importing.validation import event_fault, is_rounded

TARGETS = (
    "event_id", "user_id", "item_id", "kind", "at", "quantity", "price", "amount", "order_id", "rating", "channel",
    "discount", "coupon", "campaign",
)  # fmt: skip
NUMBERS = ("quantity", "price", "amount", "rating", "discount")
CHUNK_ROWS = 50_000
TIME_BYTES, KEY_BYTES = 6, 8  # of an event_id that is made from the content
TIME = pl.Struct({"ms": pl.Int64, "doubt": pl.String})
CLOCK_NOTES = {
    SKIPPED: "{:,} times stand in an hour that the clocks of {} left out: read with the offset before it",
    REPEATED: "{:,} times stand in an hour that came twice in {}: read as the first",
}
ROW = "row:"  # the number of a row in its chunk


class EventSink(Protocol):
    """Takes events: a store, or a trial that keeps none."""

    def append(self, events: Sequence[Event]) -> list[AppendResult]:
        """As that of a store."""


def import_events(
    path: Path,
    log: EventSink,
    mapping: ColumnMapping,
    *,
    kind: str | None,
    rejects: Path | None,
    counts: LineCounts,
    progress: ChunkProgress,
) -> Tally:
    """Reads the file into the log.  To import a file again adds nothing.

    kind: of lines without one.  rejects: see `Rejects`.  progress: is called with every chunk.
    counts: counts what is odd about the lines, refused ones included.
    Raises BadFile when the file cannot be read, BadInput when it lacks a column.
    """
    table = open_source(path, mapping, needed=needed_columns(kind))
    mapping = with_date_orders(table, mapping)
    tally, occurrences, guests, doubts = Tally(str(path)), Occurrences(), Counter[str](), list[pl.Series]()
    nulls = Counter[str]()
    with Rejects(rejects, tally) as refused:
        for chunk in table.filled_chunks(CHUNK_ROWS):
            check_decimal(chunk.rows, mapping, NUMBERS)
            columns = event_columns(chunk.rows, mapping, kind).with_row_index(ROW)
            counts.add(read_lines(columns).with_columns(pl.Series("line", chunk.lines, pl.Int64)))
            good = refused.keep_good(columns, chunk, event_fault(counts.now_ms, mapping))
            guests.update(good["guest_given"].drop_nulls().to_list())
            nulls.update(good["item_id"].filter(good["item_id"].is_in([*NULL_TEXTS])).to_list())
            doubts.append(good["at:doubt"].drop_nulls())
            stored = log.append(build_events(good, occurrences))
            count_results(dict(zip(good[ROW].to_list(), stored, strict=True)), chunk, refused, tally)
            progress(chunk)
    tally.notes += [*table.notes(), *_guest_notes(guests), *_null_notes(nulls)]
    tally.notes += doubt_notes(doubts, mapping.time_zone)
    return tally


def count_results(results: Mapping[int, AppendResult], chunk: Chunk, refused: Rejects, tally: Tally) -> None:
    """Counts the results by row of the chunk; a line that is in conflict with a stored event is refused."""
    values = [*results.values()]
    tally.accepted += values.count(True)
    tally.known += values.count(False)
    tally.withhold(values.count(None))
    refused.refuse({row: str(result) for row, result in results.items() if isinstance(result, Conflict)}, chunk)


def needed_columns(kind: str | None) -> tuple[str, ...]:
    """The targets that a file of events must have.  kind: of lines without one, if any; BadInput if it is unknown."""
    if kind is not None and kind not in KIND_BY_NAME:
        raise BadInput(f"--kind {kind}: there is no such kind; {spelling_hint(kind, KIND_BY_NAME)}")
    return ("user_id", "item_id", "at", *(() if kind else ("kind",)))


def event_columns(rows: pl.DataFrame, mapping: ColumnMapping, kind: str | None) -> pl.DataFrame:
    """The file's columns as EVENT_SCHEMA, unreadable values as null, and `<name>_given` where a cell was not empty."""
    raw = rows.select(mapping.value(target, rows.columns).alias(target) for target in TARGETS)
    texts, optional = ("event_id", "user_id", "item_id", "kind"), ("order_id", "channel", "coupon", "campaign")
    read = raw.select(
        *(as_text(pl.col(name)) for name in texts),
        *(as_given_text(pl.col(name)) for name in optional),
        *(is_given(name).alias(f"{name}_given") for name in NUMBERS),
        as_time("at", mapping),
        is_given("at").alias("at_given"),
        is_rounded(as_text(pl.col("at"))).alias("at_rounded_given"),
    ).hstack(rows.select(read_number(name, mapping, rows.columns) for name in NUMBERS))
    named = _with_kinds(with_times(read, ("at",)), kind, mapping.kinds)
    signed = _with_returns(named, by_sign=mapping.returns_by_sign)
    return _with_guest_ids(_per_unit(signed), mapping.guests)


def read_lines(columns: pl.DataFrame) -> pl.DataFrame:
    """The result of `event_columns` as lines to check, with the money of the whole line as `sale`."""
    return columns.with_columns(pl.coalesce("amount", pl.col("price") * pl.col("quantity")).alias("sale"))


def as_time(name: str, mapping: ColumnMapping, *, ends_day: bool = False) -> pl.Expr:
    """The times of a target as a struct, see `read_times`; `with_times` parts it."""
    read = partial(read_times, reading=time_reading(mapping, name), ends_day=ends_day)
    return pl.col(name).map_batches(read, return_dtype=TIME).alias(f"{name}:time")


def with_times(read: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Each `<name>:time` as `<name>_ms` (Unix milliseconds UTC) and `<name>:doubt`."""
    times = [pl.col(f"{name}:time").struct for name in names]
    parts = [
        part
        for name, time in zip(names, times, strict=True)
        for part in (time.field("ms").alias(f"{name}_ms"), time.field("doubt").alias(f"{name}:doubt"))
    ]
    return read.with_columns(parts).drop(f"{name}:time" for name in names)


def doubt_notes(doubts: Iterable[pl.Series], zone: str) -> list[str]:
    """What a person must know about times in the hours at which the clock was changed."""
    n_by_doubt = Counter(doubt for column in doubts for doubt in column.drop_nulls().to_list())
    return [CLOCK_NOTES[doubt].format(n_by_doubt[doubt], zone) for doubt in CLOCK_NOTES if n_by_doubt[doubt]]


def is_given(name: str) -> pl.Expr:
    """Whether the cell holds a value."""
    return as_given_text(pl.col(name), NULL_WORDS).is_not_null()


def _with_guest_ids(read: pl.DataFrame, guests: frozenset[str]) -> pl.DataFrame:
    """Events of guests under the visitor id of their order (`guests.guest_id`); guest_given: the word of the file."""
    word = pl.col("user_id").fill_null("")
    is_guest = word.str.to_lowercase().is_in(sorted(guests))
    without_order = pl.concat_str("at_ms", "item_id", separator=":", ignore_nulls=True)
    visitor = pl.concat_str(pl.lit(GUEST_PREFIX), pl.coalesce("order_id", without_order))
    return read.with_columns(
        pl.when(is_guest).then(visitor).otherwise("user_id").alias("user_id"),
        pl.when(is_guest).then(word).alias("guest_given"),
    )


def _guest_notes(n_by_word: Counter[str]) -> list[str]:
    return [
        f"{n:,} lines have the user_id {word!r}, which is no customer: each order is stored as a visitor of its own "
        "and counts for baskets and best-sellers (--no-guests imports them as one customer)"
        for word, n in n_by_word.most_common()
    ]


def _null_notes(n_by_word: Counter[str]) -> list[str]:
    return [
        f"{n:,} lines have the item_id {word!r}, which usually means none: to leave them out, say --where "
        f"'COLUMN!={word}'"
        for word, n in n_by_word.most_common()
    ]


def _with_kinds(read: pl.DataFrame, kind: str | None, kinds: Mapping[str, str]) -> pl.DataFrame:
    """Kinds as numbers; kind_given: whether the line or the command names one."""
    word = pl.col("kind").str.to_lowercase()
    word = word.replace([*kinds], [*kinds.values()]) if kinds else word
    named = word if kind is None else word.fill_null(kind)
    codes = pl.Series([*KIND_BY_NAME.values()], dtype=pl.Int8)
    return read.with_columns(
        named.replace_strict(pl.Series([*KIND_BY_NAME]), codes, default=None).alias("kind"),
        named.is_not_null().alias("kind_given"),
    )


def _with_returns(named: pl.DataFrame, *, by_sign: bool) -> pl.DataFrame:
    """Returns with their values above 0, whichever sign the shop writes.

    by_sign: purchases with a quantity, a price or an amount below 0 become returns.
    """
    signed = ("quantity", "price", "amount")
    is_below = pl.any_horizontal((pl.col(name) < 0).fill_null(False) for name in signed)
    is_taken_back = is_below & (pl.col("kind") == KIND_BY_NAME["purchase"]) & by_sign
    is_return = (is_taken_back | (pl.col("kind") == KIND_BY_NAME["return"])).fill_null(False)
    return named.with_columns(
        pl.when(is_return).then(pl.lit(KIND_BY_NAME["return"], pl.Int8)).otherwise("kind").alias("kind"),
        *(pl.when(is_return).then(pl.col(name).abs()).otherwise(name).alias(name) for name in signed),
    )


def _per_unit(named: pl.DataFrame) -> pl.DataFrame:
    """The price of one unit, and defaults for columns that the file lacks."""
    quantity = pl.when(pl.col("quantity_given")).then(pl.col("quantity")).otherwise(1.0)
    per_unit = pl.when(quantity > 0).then(pl.col("amount") / quantity)
    return named.with_columns(
        quantity.alias("quantity"),
        pl.when("price_given").then("price").otherwise(per_unit).alias("price"),
        # an amount divided by a quantity of 0 is no price, and no fault either
        (pl.col("price_given") | (pl.col("amount_given") & pl.col("amount").is_null())).alias("price_given"),
        pl.col("discount").abs(),  # some shops write what was taken off with a minus
        pl.lit(None, pl.String).alias("request_id"),
    )


class Occurrences:
    """Counts how often each key came before in a file; 8 bytes a key, in sorted runs of doubling length."""

    def __init__(self) -> None:
        self._runs: list[AnyArray] = []

    def ordinals(self, keys: AnyArray) -> Longs:
        """(n,) uint64 -> (n,) int64: 0 for the first of equal keys, 1 for the second, ..."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        sorted_ordinals = np.arange(len(keys)) - np.searchsorted(ordered, ordered)
        for run in self._runs:
            sorted_ordinals += np.searchsorted(run, ordered, "right") - np.searchsorted(run, ordered)
        self._remember(ordered)
        ordinals = np.empty(len(keys), np.int64)
        ordinals[order] = sorted_ordinals
        return ordinals

    def _remember(self, run: AnyArray) -> None:
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.sort(np.concatenate((self._runs.pop(), run)), kind="stable")
        self._runs.append(run)


def content_ids(events: pl.DataFrame, occurrences: Occurrences) -> pl.Series:
    """The `content_id` of each event of the file, with ordinals over all chunks so far."""
    parts = (pl.col(name).cast(pl.String) for name in ("user_id", "item_id", "kind", "at_ms"))
    content = pl.concat_str([*parts, pl.col("order_id").fill_null(""), pl.lit("")], separator="\x1f")
    keys = events.select(content.cast(pl.Binary).alias("content"))["content"].to_list()
    digests = bytearray(b"".join([blake2b(key + b"0", digest_size=KEY_BYTES).digest() for key in keys]))
    ordinals = occurrences.ordinals(np.frombuffer(bytes(digests), np.uint64))
    for i in np.flatnonzero(ordinals).tolist():
        again = blake2b(keys[i] + str(ordinals[i]).encode(), digest_size=KEY_BYTES)
        digests[i * KEY_BYTES : (i + 1) * KEY_BYTES] = again.digest()
    times = events["at_ms"].to_numpy().astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - TIME_BYTES :]
    ids = np.hstack((times, np.frombuffer(digests, np.uint8).reshape(-1, KEY_BYTES)))
    return pl.Series("event_id", ids.tobytes().hex(" ", ids.shape[1]).split(), pl.String)


def build_events(good: pl.DataFrame, occurrences: Occurrences) -> list[Event]:
    """The rows as events; a row without an id gets one made from its content."""
    has_no_id = good["event_id"].is_null()
    if has_no_id.any():
        ids = content_ids(good.filter(has_no_id), occurrences)
        good = good.with_columns(good["event_id"].scatter(has_no_id.arg_true(), ids))
    is_rating = pl.col("kind") == KIND_BY_NAME["rating"]
    columns = good.with_columns(pl.when(is_rating).then("rating").alias("rating")).select(Event._fields)
    return list(map(Event._make, zip(*(column.to_list() for column in columns), strict=True)))
