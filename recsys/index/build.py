"""Chooses the index: exact while that is fast, approximate only when it has been measured to be nearly as good."""

from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.random import Generator

from recsys.arrays import Floats
from recsys.errors import BadInput
from recsys.index.ann import HnswIndex, is_graph, read
from recsys.index.base import FILE_NAME, Index, IndexReport
from recsys.index.exact import ExactIndex

N_QUERIES = 200
RECALL_AT = 20
ENOUGH_SPARED = 4  # an exact search that goes through a quarter of what is fast takes less than a graph does


def build_index(
    item_vectors: Floats,
    *,
    rng: Generator,
    queries: Floats | None = None,
    exact_up_to: int = 200_000,
    min_recall: float = 0.97,
) -> tuple[Index, IndexReport]:
    """The index over (I, F) float32 vectors by inner product, and how it was chosen.

    Pass vectors of length 1 for cosine.  `queries` (Q, F) are what will be asked, for measuring recall; without them
    the items' own vectors stand in.  Above `exact_up_to` items it is exact still where so few vectors are long that a
    search ends early.  Raises BadInput when a vector is not finite.
    """
    if not np.isfinite(item_vectors).all():
        raise BadInput("an item vector holds NaN or infinity; the model that made it did not converge")
    started = perf_counter()
    exact = ExactIndex.of(item_vectors)
    n_items = len(item_vectors)
    if n_items <= exact_up_to:
        return exact, IndexReport("exact", n_items, 1.0, perf_counter() - started)
    asked = item_vectors if queries is None else queries
    sample = asked[np.sort(rng.choice(len(asked), min(N_QUERIES, len(asked)), replace=False))]
    looked_at = exact.looked_at(sample, RECALL_AT)
    if looked_at <= exact_up_to / ENOUGH_SPARED:
        return exact, IndexReport("exact", n_items, 1.0, perf_counter() - started, looked_at=looked_at)
    graph = HnswIndex.of(item_vectors)
    recall = measured_recall(graph, exact, sample, RECALL_AT)
    if recall < min_recall:
        return exact, IndexReport("exact", n_items, 1.0, perf_counter() - started, rejected_recall=recall)
    return graph, IndexReport("hnsw", n_items, recall, perf_counter() - started)


def measured_recall(index: Index, exact: Index, queries: Floats, k: int) -> float:
    """Mean share of the exact k best that the index finds too; 1.0 without queries."""
    found, _ = index.search(queries, k)
    wanted, _ = exact.search(queries, k)
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, wanted, strict=True)]
    return sum(hits) / wanted.size if wanted.size else 1.0


def save(index: Index, directory: Path) -> None:
    """Writes the index into a directory that is being made; never into a published one."""
    index.save(directory)


def load(directory: Path) -> Index:
    """The index saved there, mapped from its file and shared with other processes.  Raises BadBundle."""
    index = read(directory / FILE_NAME)
    return HnswIndex(index) if is_graph(index) else ExactIndex.over(index, directory)
