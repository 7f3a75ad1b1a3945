"""Index selection: exact search while it is fast, an approximate index only with measured high recall."""

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
SPARED_FACTOR = 4  # an exact search over a quarter of `exact_up_to` vectors is faster than a graph


def build_index(
    item_vectors: Floats,
    *,
    rng: Generator,
    queries: Floats | None = None,
    exact_up_to: int = 200_000,
    min_recall: float = 0.97,
) -> tuple[Index, IndexReport]:
    """The index over (I, F) float32 vectors by inner product, and how it was chosen.

    Pass vectors of length 1 for cosine.  Recall is measured with `queries` (Q, F), by default with the items' own
    vectors.  Above `exact_up_to` items it is still exact where few vectors are long, because then a search ends early.
    Raises BadInput when a vector is not finite.
    """
    if not np.isfinite(item_vectors).all():
        raise BadInput("an item vector holds NaN or infinity; the model that made it did not converge")
    started = perf_counter()
    exact = ExactIndex.from_vectors(item_vectors)
    n_items = len(item_vectors)
    if n_items <= exact_up_to:
        return exact, IndexReport("exact", n_items, 1.0, perf_counter() - started)
    queries = item_vectors if queries is None else queries
    sample = queries[np.sort(rng.choice(len(queries), min(N_QUERIES, len(queries)), replace=False))]
    looked_at = exact.mean_visited(sample, RECALL_AT)
    if looked_at <= exact_up_to / SPARED_FACTOR:
        return exact, IndexReport("exact", n_items, 1.0, perf_counter() - started, looked_at=looked_at)
    graph = HnswIndex.from_vectors(item_vectors)
    recall = measured_recall(graph, exact, sample, RECALL_AT)
    if recall < min_recall:
        return exact, IndexReport("exact", n_items, 1.0, perf_counter() - started, rejected_recall=recall)
    return graph, IndexReport("hnsw", n_items, recall, perf_counter() - started)


def measured_recall(index: Index, exact: Index, queries: Floats, k: int) -> float:
    """Mean share of the exact k best that the index finds; 1.0 without queries."""
    positions, _ = index.search(queries, k)
    expected, _ = exact.search(queries, k)
    hits = [len(np.intersect1d(a, b)) for a, b in zip(positions, expected, strict=True)]
    return sum(hits) / expected.size if expected.size else 1.0


def load(directory: Path) -> Index:
    """The index of that directory, mapped from its file and shared with other processes.  Raises BadBundle."""
    index = read(directory / FILE_NAME)
    return HnswIndex(index) if is_graph(index) else ExactIndex.from_file(index, directory)
