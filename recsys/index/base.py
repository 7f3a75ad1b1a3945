"""What every index over item vectors promises, and what is written down about the one that went live."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

from recsys.arrays import Bools, Floats, Ints

IndexKind = Literal["exact", "hnsw"]
FILE_NAME = "index.faiss"  # in the directory an index is saved to; what is in it says which kind it is


class Index(Protocol):
    """Finds the items whose vectors have the highest inner product with a query.  Any number of threads may ask."""

    @property
    def n_items(self) -> int:
        """I, the number of vectors."""

    def search(self, vectors: Floats, k: int, allowed: Bools | None = None) -> tuple[Ints, Floats]:
        """Positions and inner products, best first, ties by position: (Q, F) -> two of (Q, min(k, allowed items)).

        `allowed` (I,) is one mask for all queries, None allows every item.  The list is never padded, never shorter,
        and never holds an item that is not allowed.  Rows do not influence each other.  Raises BadInput for a query
        that is not finite and for a mask of another length.
        """

    def save(self, directory: Path) -> None:
        """Writes its files into a directory that is being made."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """Which index went live and why; goes into the bundle's manifest.

    recall: measured recall@20 of the chosen index against exact search (1.0 when it is exact).
    rejected_recall: that of an approximate index which was built but not good enough; None when none was.
    looked_at: how many vectors an exact search goes through on average, where the catalogue is so large that it counts.
    """

    kind: IndexKind
    n_items: int
    recall: float
    seconds: float
    rejected_recall: float | None = None
    looked_at: float | None = None

    def as_mapping(self) -> Mapping[str, object]:
        """For the manifest."""
        return asdict(self)
