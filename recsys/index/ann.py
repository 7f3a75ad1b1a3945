"""ANN index: FAISS flat and HNSW indexes by inner product, searched, written and mapped.  Only this file uses FAISS."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import faiss as loosely_typed_faiss
import numpy as np

from recsys.arrays import Bools, Floats, Ints, Longs
from recsys.bundle.array_spec import LARGEST
from recsys.errors import BadBundle, BadInput
from recsys.index.base import FILE_NAME

faiss: Any = loosely_typed_faiss  # its type stubs miss the search parameters and misstate the selectors
Flat = Any
Graph = Any
Matches = tuple[Longs, Floats]  # positions and scores

PADDING = -1  # faiss pads short results with it; it never leaves this file


@dataclass(frozen=True, slots=True)
class HnswIndex:
    """An HNSW graph, which visits few items and may miss some; it goes live only if its measured recall is high.

    Where a mask leaves few items, or the graph finds too few, the exact search over the same vectors takes over.
    """

    graph: Graph
    exact_below_share: float = 0.3  # of the items, left by a mask

    @classmethod
    def from_vectors(
        cls, item_vectors: Floats, *, links: int = 32, ef_construction: int = 200, ef_search: int = 256
    ) -> Self:
        """The graph over (I, F) float32, directly by inner product."""
        # Never by augmentation to L2: on skewed norms recall fell from 0.96 to 0.14.
        graph = faiss.IndexHNSWFlat(item_vectors.shape[1], links, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = ef_construction
        graph.hnsw.efSearch = ef_search
        graph.add(np.ascontiguousarray(item_vectors, np.float32))
        return cls(graph)

    @property
    def n_items(self) -> int:
        return int(self.graph.ntotal)

    @property
    def shape(self) -> tuple[int, int]:
        return (int(self.graph.ntotal), int(self.graph.d))

    def search(self, vectors: Floats, k: int, eligible: Bools | None = None) -> tuple[Ints, Floats]:
        check(vectors, self.n_items, eligible)
        n_eligible = self.n_items if eligible is None else int(np.count_nonzero(eligible))
        width = max(0, min(k, n_eligible))
        positions, scores = np.empty((len(vectors), width), np.int32), np.empty((len(vectors), width), np.float32)
        rows = np.ascontiguousarray(vectors, np.float32)
        # Row by row, because for 20 queries and more faiss uses another algorithm, which rounds differently.
        for row in range(len(rows) if width else 0):
            positions[row], scores[row] = self._best(rows[row : row + 1], width, n_eligible, eligible)
        return positions, scores

    def _best(self, vector: Floats, width: int, n_eligible: int, eligible: Bools | None) -> Matches:
        """The first `width` matches of one query (1, F) by score, then position.

        It fetches one more than needed.  If that one ties with the last, others may too: it fetches more until none
        does.
        """
        is_narrow = n_eligible < self.exact_below_share * self.n_items
        n = min(width + 1, n_eligible)
        while True:
            positions, scores = self._matches(vector, n, eligible, is_narrow)
            if n == n_eligible or scores[n - 1] < scores[width - 1]:
                order = np.lexsort((positions, -scores))[:width]
                return positions[order], scores[order]
            n = min(16 * n, n_eligible)

    def _matches(self, vector: Floats, n: int, eligible: Bools | None, is_narrow: bool) -> Matches:
        """The n best of one query, n at most the number of eligible items; the order of ties is not defined."""
        if not is_narrow:
            parameters = faiss.SearchParametersHNSW(sel=_selector(eligible), efSearch=max(self.graph.hnsw.efSearch, n))
            scores, positions = self.graph.search(vector, n, params=parameters)
            if not (positions == PADDING).any():  # a graph may find fewer than there are
                return positions[0], scores[0]
        selector = _selector(eligible)
        parameters = None if selector is None else faiss.SearchParameters(sel=selector)
        scores, positions = faiss.downcast_index(self.graph.storage).search(vector, n, params=parameters)
        return positions[0], scores[0]

    def save(self, directory: Path) -> None:
        write(self.graph, directory / FILE_NAME)


def flat_index(item_vectors: Floats) -> Flat:
    """A flat inner-product index over (I, F) float32."""
    index = faiss.IndexFlatIP(item_vectors.shape[1])
    index.add(np.ascontiguousarray(item_vectors, np.float32))
    return index


def flat_vectors(flat: Flat) -> Floats:
    """The vectors of a flat index, (I, F), without a copy."""
    vectors: Floats = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d).reshape(flat.ntotal, flat.d)
    return vectors


def is_graph(index: Flat | Graph) -> bool:
    """Whether the index is a graph; else it is flat."""
    return isinstance(index, faiss.IndexHNSWFlat)


def write(index: Flat | Graph, path: Path) -> None:
    """Writes the index into a new file."""
    faiss.write_index(index, str(path))


def read(path: Path) -> Flat | Graph:
    """The index mapped from its file; all processes share its pages.  Raises BadBundle.

    Sets this process to one OpenMP thread: for many short requests one core each is fastest.
    """
    faiss.omp_set_num_threads(1)
    try:
        # IO_FLAG_MMAP copies in spite of its name; IO_FLAG_MMAP_IFC maps.
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except (RuntimeError, MemoryError) as error:
        raise BadBundle(f"{path}: not a readable index ({str(error).splitlines()[-1]}); retrain") from None
    fault = _graph_fault(index) if is_graph(index) else _flat_fault(index)
    if fault is not None:
        raise BadBundle(f"{path}: {fault}; train again")
    return index


def _flat_fault(index: Flat) -> str | None:
    if not isinstance(index, faiss.IndexFlat):
        return f"an index of another kind ({type(index).__name__})"
    vectors = flat_vectors(index)
    if not vectors.size:
        return None
    return None if vectors.min() > -LARGEST and vectors.max() < LARGEST else "vectors that are not finite"


def _graph_fault(index: Graph) -> str | None:
    """Whether a search could leave the graph: FAISS follows its links unchecked."""
    storage, graph, n = faiss.downcast_index(index.storage), index.hnsw, index.ntotal
    if (storage.ntotal, storage.d) != (n, index.d):
        return "a graph over other vectors"
    links = faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size())  # a view: the others are small
    levels, offsets, widths = (
        faiss.vector_to_array(column) for column in (graph.levels, graph.offsets, graph.cum_nneighbor_per_level)
    )
    top = len(widths) - 1
    if len(levels) != n or len(offsets) != n + 1 or not len(widths) or widths[0] != 0 or (np.diff(widths) < 0).any():
        return "a graph of another size"
    if levels.min(initial=1) < 1 or levels.max(initial=1) > top or not 0 <= graph.max_level < top:
        return "levels that the graph does not have"
    if offsets[0] != 0 or offsets[-1] != len(links) or (np.diff(offsets) != widths[levels]).any():
        return "links that do not follow each other"
    if links.min(initial=PADDING) < PADDING or links.max(initial=PADDING) >= n or not 0 <= graph.entry_point < n:
        return "links to vectors that do not exist"
    return _level_fault(links, levels, offsets, widths, graph) or _flat_fault(storage)


def _level_fault(links: Ints, levels: Ints, offsets: Longs, widths: Ints, graph: Graph) -> str | None:
    """Whether a link of some level leads to a vector that is not on that level."""
    if levels[graph.entry_point] <= graph.max_level:
        return "an entry below the top level"
    for level in range(1, int(levels.max(initial=1))):
        here = np.flatnonzero(levels > level)
        at = offsets[here, None].astype(np.int64) + np.arange(widths[level], widths[level + 1])
        target = links[at]
        if (levels[target[target != PADDING]] <= level).any():
            return "a link to a vector of a lower level"
    return None


def _selector(eligible: Bools | None) -> Any:
    # The bitmap holds a reference to its bits; the parameters hold one to the bitmap.
    return None if eligible is None else faiss.IDSelectorBitmap(np.packbits(eligible, bitorder="little"))


def check(vectors: Floats, n_items: int, eligible: Bools | None) -> None:
    """Raises BadInput for a vector that is not finite or a mask of another length."""
    if not np.isfinite(vectors).all():
        raise BadInput("a query vector holds NaN or infinity; nothing can be ranked by it")
    if eligible is not None and eligible.shape != (n_items,):
        raise BadInput(f"the mask has shape {eligible.shape} for {n_items} items; pass one flag for each item")
