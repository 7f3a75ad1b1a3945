"""Vector index: the protocol of every index over item vectors, and the report about the chosen one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from recsys.arrays import Bools, Floats, Ints

IndexKind = Literal["exact", "hnsw"]
FILE_NAME = "index.faiss"  # in the directory of an index; its content says which kind it is


class Index(Protocol):
    """Finds the items whose vectors have the highest inner product with a query.  Safe in any number of threads."""

    @property
    def n_items(self) -> int:
        """I, the number of vectors."""

    @property
    def shape(self) -> tuple[int, int]:
        """(I, F) of the vectors."""

    def search(self, vectors: Floats, k: int, eligible: Bools | None = None) -> tuple[Ints, Floats]:
        """Positions and inner products, best first, ties by position: (Q, F) -> two of (Q, min(k, eligible items)).

        `eligible` (I,) is one mask for all queries, None stands for every item.  The list is never padded, never
        shorter, and never holds an item that is not eligible.  Rows do not influence each other.  Raises BadInput for
        a query that is not finite and for a mask of another length.
        """

    def save(self, directory: Path) -> None:
        """Writes its files into a directory that is being made."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """Which index was chosen and why; goes into the bundle's manifest.

    recall: measured recall@20 of the chosen index against exact search (1.0 when it is exact).
    rejected_recall: of an approximate index that was built but not good enough; None when there was none.
    looked_at: how many vectors an exact search visits on average; only for large catalogues.
    """

    kind: IndexKind
    n_items: int
    recall: float
    seconds: float
    rejected_recall: float | None = None
    looked_at: float | None = None
