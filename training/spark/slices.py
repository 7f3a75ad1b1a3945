"""Slices of customers: histories as Parquet files, over which the formulas of the native engine run on a cluster.

A slice holds whole customers.  What is a sum over customers is computed slice by slice and added up by Spark.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.arrays import AnyArray, Doubles, Ints
from recsys.data.dataset.histories import Histories

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Columns = Mapping[str, AnyArray]
COLUMNS = ("user", "item", "at", "weight", "kind")  # of a slice, in the order of Histories
TYPES = {"user": "int", "item": "int", "at": "double", "weight": "float", "kind": "byte"}


@dataclass(frozen=True, slots=True)
class Slices:
    """The histories of all customers below `folder`, as of `now`."""

    session: "SparkSession"
    folder: Path
    n_items: int
    now: float

    def rows(self, work: Callable[[Histories], Columns], schema: str) -> "DataFrame":
        """The rows that the work makes of each slice.

        work: from the histories of the customers of one slice to columns of equal length; `user` is the number of a
        customer in the slice, and becomes the position among all.
        """
        return self._frame().mapInArrow(partial(_each_slice, work, self.n_items, self.now), schema)

    def sums(self, work: Callable[[Histories], Sequence[AnyArray]], n: int) -> list[Doubles]:
        """The sum over all slices of each of the `n` arrays, (I,) each, that the work makes of one."""
        from pyspark.sql import functions as sql

        names = [f"sum_{at}" for at in range(n)]
        schema = ", ".join(["item int", *(f"{name} double" for name in names)])
        rows = self.rows(partial(_known_items, work, names), schema)
        total = rows.groupBy("item").agg(*(sql.sum(name).alias(name) for name in names)).toArrow()
        sums = [np.zeros(self.n_items) for _ in names]
        for name, dense in zip(names, sums, strict=True):
            dense[total["item"].to_numpy()] = total[name].to_numpy()
        return sums

    def _frame(self) -> "DataFrame":
        schema = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
        return self.session.read.schema(schema).parquet(str(self.folder))


def write_slices(histories: Histories, folder: Path, slice_events: int) -> None:
    """The histories as one file for each slice of about so many events."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    columns = {"user": histories.user.astype(np.int32)} | {name: getattr(histories, name) for name in COLUMNS[1:]}
    ends = np.unique(np.append(histories.offsets[:-1][_begins_slice(histories, slice_events)], len(histories.item)))
    for number, (start, end) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
        table = pa.table({name: pa.array(column[start:end]) for name, column in columns.items()})
        pq.write_table(table, folder / f"part-{number:05}.parquet", row_group_size=max(1, end - start))


def _begins_slice(histories: Histories, slice_events: int) -> AnyArray:
    """Which customers are the first of a slice.  (U,)"""
    number = histories.offsets[:-1] // slice_events
    return np.diff(number, prepend=-1) > 0


def _each_slice(
    work: Callable[[Histories], Columns], n_items: int, now: float, batches: "Iterable[pa.RecordBatch]"
) -> "Iterator[pa.RecordBatch]":
    """What the work makes of the batches of one task; runs in a worker."""
    import pyarrow as pa

    parts = [batch for batch in batches if batch.num_rows]
    if parts:
        histories, users = _histories(pa.Table.from_batches(parts), n_items, now)
        columns = dict(work(histories))
        if "user" in columns:
            columns["user"] = users[columns["user"]]
        yield from pa.table({name: pa.array(column) for name, column in columns.items()}).to_batches(1_000_000)


def _histories(table: "pa.Table", n_items: int, now: float) -> tuple[Histories, Ints]:
    """The histories of the customers in the table, and their positions.  A task may hold several files."""
    user, item, at, weight, kind = (table[name].to_numpy() for name in COLUMNS)
    if np.any(np.diff(user) < 0):
        order = np.argsort(user, kind="stable")
        user, item, at, weight, kind = (column[order] for column in (user, item, at, weight, kind))
    positions, starts = np.unique(user, return_index=True)
    offsets = np.append(starts, len(user)).astype(np.int64)
    return Histories(offsets, item, at, weight, kind, n_items, now), positions


def _known_items(
    work: Callable[[Histories], Sequence[AnyArray]], names: Sequence[str], histories: Histories
) -> Columns:
    """The arrays of the work without the items for which all are 0."""
    arrays = work(histories)
    known = np.flatnonzero(np.any([array != 0 for array in arrays], axis=0))
    return {"item": known.astype(np.int32)} | {
        name: array[known].astype(np.float64) for name, array in zip(names, arrays, strict=True)
    }
