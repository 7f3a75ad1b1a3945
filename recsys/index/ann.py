"""The only file that knows faiss: flat and graph indexes by inner product, searched, written and mapped."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import faiss as loosely_typed_faiss
import numpy as np

from recsys.arrays import Bools, Floats, Ints, Longs
from recsys.errors import BadBundle, BadInput
from recsys.index.base import FILE_NAME

faiss: Any = loosely_typed_faiss  # its type stubs miss the search parameters and misstate the selectors
Flat = Any
Graph = Any
Found = tuple[Longs, Floats]
OneSearch = Callable[[Floats, int], Found]

NOWHERE = -1  # what faiss pads with; it never leaves this file


@dataclass(frozen=True, slots=True)
class HnswIndex:
    """A graph that looks at few items and may miss some; it goes live only after its recall was measured.

    Where a mask leaves little, or the graph finds too few, the exact search over the same vectors answers.
    """

    graph: Graph
    exact_below_share: float = 0.3

    @classmethod
    def of(cls, item_vectors: Floats, *, links: int = 32, ef_construction: int = 200, ef_search: int = 256) -> Self:
        """The graph over (I, F) float32, by inner product directly."""
        # Never by augmentation to L2: on skewed norms recall fell from 0.96 to 0.14.
        graph = faiss.IndexHNSWFlat(item_vectors.shape[1], links, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = ef_construction
        graph.hnsw.efSearch = ef_search
        graph.add(np.ascontiguousarray(item_vectors, np.float32))
        return cls(graph)

    @property
    def n_items(self) -> int:
        return int(self.graph.ntotal)

    def search(self, vectors: Floats, k: int, allowed: Bools | None = None) -> tuple[Ints, Floats]:
        flat = faiss.downcast_index(self.graph.storage)
        is_narrow = allowed is not None and allowed.mean() < self.exact_below_share

        def one(vector: Floats, n: int) -> Found:
            if is_narrow:
                return search_flat(flat, vector, n, allowed)
            found = search_graph(self.graph, vector, n, allowed)
            return found if len(found[0]) == n else search_flat(flat, vector, n, allowed)

        return search_all(one, vectors, k, n_items=self.n_items, allowed=allowed)

    def save(self, directory: Path) -> None:
        write(self.graph, directory / FILE_NAME)


def flat_of(item_vectors: Floats) -> Flat:
    """A flat inner-product index over (I, F) float32."""
    index = faiss.IndexFlatIP(item_vectors.shape[1])
    index.add(np.ascontiguousarray(item_vectors, np.float32))
    return index


def vectors_of(flat: Flat) -> Floats:
    """The vectors of a flat index, (I, F), where they are: nothing is copied."""
    vectors: Floats = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d).reshape(flat.ntotal, flat.d)
    return vectors


def is_graph(index: Flat | Graph) -> bool:
    """Whether what was read is a graph; else it is flat."""
    return isinstance(index, faiss.IndexHNSWFlat)


def search_flat(flat: Flat, vector: Floats, n: int, allowed: Bools | None) -> Found:
    """The n best of one query (1, F), n at most the number allowed; ties in no promised order."""
    chosen = _selector(allowed)
    parameters = None if chosen is None else faiss.SearchParameters(sel=chosen)
    scores, positions = flat.search(vector, n, params=parameters)
    return positions[0], scores[0]


def search_graph(graph: Graph, vector: Floats, n: int, allowed: Bools | None) -> Found:
    """Up to n good ones of one query (1, F): a graph may find fewer than there are."""
    parameters = faiss.SearchParametersHNSW(sel=_selector(allowed), efSearch=max(graph.hnsw.efSearch, n))
    scores, positions = graph.search(vector, n, params=parameters)
    found = positions[0] != NOWHERE
    return positions[0][found], scores[0][found]


def search_all(one: OneSearch, vectors: Floats, k: int, *, n_items: int, allowed: Bools | None) -> tuple[Ints, Floats]:
    """Every row through `one`, which must find all it is asked for: two of (Q, min(k, allowed items)), in total order.

    Row by row, because faiss takes another route, with other rounding, for 20 queries and more.
    """
    check(vectors, n_items, allowed)
    n_allowed = n_items if allowed is None else int(np.count_nonzero(allowed))
    width = max(0, min(k, n_allowed))
    positions, scores = np.empty((len(vectors), width), np.int32), np.empty((len(vectors), width), np.float32)
    rows = np.ascontiguousarray(vectors, np.float32)
    for row in range(len(rows) if width else 0):
        positions[row], scores[row] = _best(one, rows[row : row + 1], width, n_allowed)
    return positions, scores


def write(index: Flat | Graph, path: Path) -> None:
    """Writes the index into a new file."""
    faiss.write_index(index, str(path))


def read(path: Path) -> Flat | Graph:
    """The index mapped from its file: its pages are shared by every process.  Raises BadBundle.

    Leaves this process with one OpenMP thread: requests are many and short, one core each serves all best.
    """
    faiss.omp_set_num_threads(1)
    try:
        # IO_FLAG_MMAP sounds right and copies silently; IO_FLAG_MMAP_IFC maps.
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise BadBundle(f"{path}: not a readable index ({str(error).splitlines()[-1]}); retrain") from None


def _best(one: OneSearch, vector: Floats, width: int, n_allowed: int) -> Found:
    """The first `width` of one query by score, then position.

    One more than wanted is fetched: where it ties with the last, so may others, and more are fetched until none does.
    """
    n = min(width + 1, n_allowed)
    while True:
        positions, scores = one(vector, n)
        if n == n_allowed or scores[n - 1] < scores[width - 1]:
            order = np.lexsort((positions, -scores))[:width]
            return positions[order], scores[order]
        n = min(16 * n, n_allowed)


def _selector(allowed: Bools | None) -> Any:
    # The bitmap holds a reference to its bits; the parameters hold one to the bitmap.
    return None if allowed is None else faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def check(vectors: Floats, n_items: int, allowed: Bools | None) -> None:
    if not np.isfinite(vectors).all():
        raise BadInput("a query vector holds NaN or infinity; nothing can be ranked by it")
    if allowed is not None and allowed.shape != (n_items,):
        raise BadInput(f"the mask has shape {allowed.shape} for {n_items} items; pass one flag for each item")
