"""Item-to-item similarities on a cluster: each task compares a block of items with all others."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from recsys.arrays import Floats, Ints, Longs
from recsys.models.neighbour_table import NeighbourTable, Preferences, Similarity, neighbours_of_block

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BLOCK = 256  # items at a time: the product of more with a large catalogue takes too much memory in a worker
TASKS_PER_CORE = 4  # blocks of best-sellers take longer: with one task a core would wait for the other
PARTS = ("data", "indices", "indptr")

_Block = tuple[Longs, Ints, Floats]  # neighbours of each item of a block: how many, which, how similar


@dataclass(frozen=True, slots=True)
class SharedMatrix:
    """A sparse matrix as files that all workers map."""

    folder: Path
    shape: tuple[int, int]

    def mapped(self) -> csr_array:
        """The matrix, read-only."""
        parts = (np.load(self.folder / f"{part}.npy", mmap_mode="r") for part in PARTS)
        return csr_array(tuple(parts), shape=self.shape)


@dataclass(frozen=True, slots=True)
class ClusterSearch:
    """`neighbours_by_blocks` with a few tasks for each core.  folder: for the matrix, seen by all executors."""

    session: "SparkSession"
    folder: Path

    def __call__(self, preferences: Preferences, top_n: int, block: int, similarity: Similarity) -> NeighbourTable:
        block = min(block, BLOCK)
        starts = range(0, preferences.shape[1], block)
        whole, by_item = preferences.tocsr(), preferences.T.tocsr()
        with _shared(whole, self.folder / "by-user") as users, _shared(by_item, self.folder / "by-item") as items:
            work = partial(_neighbours, users, items, top_n, block, similarity)
            spark = self.session.sparkContext
            n_tasks = min(len(starts), TASKS_PER_CORE * spark.defaultParallelism)
            blocks = spark.parallelize(starts, n_tasks).mapPartitions(work).collect()
        counts, neighbour, strength = (np.concatenate(part) for part in zip(*blocks, strict=True))
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return NeighbourTable(offsets, neighbour, strength)


@contextmanager
def _shared(matrix: Preferences, folder: Path) -> Iterator[SharedMatrix]:
    folder.mkdir()
    for part in PARTS:
        np.save(folder / f"{part}.npy", getattr(matrix, part))
    yield SharedMatrix(folder, matrix.shape)
    shutil.rmtree(folder)


def _neighbours(
    whole: SharedMatrix,
    by_item: SharedMatrix,
    top_n: int,
    block: int,
    similarity: Similarity,
    starts: Iterable[int],
) -> Iterator[_Block]:
    """The neighbours of each block of items of a task; runs in a worker."""
    users, items = whole.mapped(), by_item.mapped()
    for start in starts:
        table = neighbours_of_block(items[start : start + block], users, top_n, start, similarity)
        yield np.diff(table.offsets[start : start + block + 1]), table.neighbour, table.similarity
