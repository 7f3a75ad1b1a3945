"""Import of facts from a shop's files: every line is accepted, already known, or refused with a reason."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from recsys.config import spelling_hint
from recsys.data.facts import FACT_KIND_BY_NAME, Fact, fact_content_id, fact_fault
from recsys.data.files.column_mapping import ColumnMapping, as_text
from recsys.data.files.date_order import with_date_orders
from recsys.data.files.formats.file_table import Chunk, ChunkProgress
from recsys.data.files.numbers import check_decimal, read_number
from recsys.data.files.source import open_source
from recsys.data.store.identity import AppendResult
from recsys.errors import BadInput
from recsys.time_units import now_ms
from training.importing.events import CHUNK_ROWS, ROW, as_time, count_results, doubt_notes, is_given, with_times
from training.importing.rejects import Rejects, Tally
from training.importing.validation import fact_line_fault

TARGETS = ("fact_id", "user_id", "kind", "at", "value", "text", "ref", "channel")
TEXTS = ("fact_id", "user_id", "kind", "text", "ref", "channel")


def kind_number(kind: str | None) -> int | None:
    """The number of the kind of lines without one.  Raises BadInput for an unknown one."""
    if kind is not None and kind not in FACT_KIND_BY_NAME:
        raise BadInput(f"--kind {kind}: there is no such kind; {spelling_hint(kind, FACT_KIND_BY_NAME)}")
    return None if kind is None else int(FACT_KIND_BY_NAME[kind])


def import_facts(
    path: Path,
    progress: ChunkProgress,
    *,
    add: Callable[[list[Fact]], Sequence[AppendResult]],
    mapping: ColumnMapping,
    kind: int | None,
    rejects: Path | None,
) -> Tally:
    """Reads the file and adds its facts.  To import a file again adds nothing.

    kind: of lines without one.  rejects: see `Rejects`.
    Raises BadFile when the file cannot be read, BadInput when it lacks a column.
    """
    needed = ("user_id", "at", *(() if kind is not None else ("kind",)))
    table = open_source(path, mapping, needed=needed)
    mapping = with_date_orders(table, mapping)
    tally, ordinals, doubts = Tally(str(path)), Counter[str](), list[pl.Series]()
    with Rejects(rejects, tally) as refused:
        for chunk in table.filled_chunks(CHUNK_ROWS):
            check_decimal(chunk.rows, mapping, ("value",))
            columns = fact_columns(chunk.rows, mapping, kind).with_row_index(ROW)
            good = refused.keep_good(columns, chunk, fact_line_fault(now_ms(), mapping))
            doubts.append(good["at:doubt"].drop_nulls())
            facts = _meaningful(good, refused, chunk, ordinals)
            results = add([*facts.values()])
            count_results(dict(zip(facts, results, strict=True)), chunk, refused, tally)
            progress(chunk)
    tally.notes += [*table.notes(), *doubt_notes(doubts, mapping.time_zone)]
    return tally


def fact_columns(rows: pl.DataFrame, mapping: ColumnMapping, kind: int | None) -> pl.DataFrame:
    """The file's columns under the names of Fact, unreadable values as null, and `<name>_given` of those not empty."""
    raw = rows.select(mapping.value(target, rows.columns).alias(target) for target in TARGETS)
    read = raw.select(
        *(as_text(pl.col(name)) for name in TEXTS),
        *(is_given(name).alias(f"{name}_given") for name in ("value", "at", "kind")),
        as_time("at", mapping),
    ).hstack(rows.select(read_number("value", mapping, rows.columns)))
    codes = {name: int(code) for name, code in FACT_KIND_BY_NAME.items()}
    named = pl.col("kind").str.to_lowercase().replace_strict(codes, default=None, return_dtype=pl.Int64)
    usual = pl.when(~pl.col("kind_given")).then(pl.lit(kind, pl.Int64)).otherwise(named)
    return with_times(read.with_columns(usual.alias("kind")), ("at",))


def _meaningful(good: pl.DataFrame, refused: Rejects, chunk: Chunk, ordinals: Counter[str]) -> dict[int, Fact]:
    """The facts by their row in the chunk; refuses those that mean nothing."""
    facts: dict[int, Fact] = {}
    faults: dict[int, str] = {}
    for row, *fields in good.select(ROW, *Fact._fields).iter_rows():
        fact = Fact._make(fields)
        fault = fact_fault(fact)
        if fault is not None:
            faults[row] = fault
            continue
        if not fact.fact_id:
            first = fact_content_id(fact)
            ordinals[first] += 1
            fact = fact._replace(fact_id=fact_content_id(fact, ordinals[first] - 1))
        facts[row] = fact
    refused.refuse(faults, chunk)
    return facts
