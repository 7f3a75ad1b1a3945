"""Texts and ids as flat arrays that map from a file: no dict and no Python string per worker."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from recsys.arrays import Bytes, Ints, Longs

MISSING = -1


@dataclass(frozen=True, slots=True)
class Texts:
    """n strings as one UTF-8 blob: text i is `blob[offsets[i]:offsets[i + 1]]`.  offsets (n + 1,) int64."""

    blob: Bytes
    offsets: Longs
    # The same memory once more: taking one number out of an array costs several times as much as out of a view.
    _bytes: memoryview = field(init=False, repr=False, compare=False)
    _ends: "memoryview[int]" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bytes", self.blob.data)
        object.__setattr__(self, "_ends", self.offsets.data)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        parts = [text.encode() for text in texts]
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return cls(np.frombuffer(b"".join(parts), np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> str:
        return self.raw(i).decode()

    def all(self) -> list[str]:
        """Every text, in order."""
        whole, ends = self.blob.tobytes(), self.offsets.tolist()
        return [whole[start:end].decode() for start, end in pairwise(ends)]

    def raw(self, i: int) -> bytes:
        return self._bytes[self._ends[i] : self._ends[i + 1]].tobytes()


@dataclass(frozen=True, slots=True)
class IdMap:
    """Ids numbered by their rank in UTF-8 order.  Both ways without a dict: down by position, up by bisection."""

    texts: Texts

    @classmethod
    def of(cls, ids: Iterable[str]) -> "IdMap":
        return cls(Texts.of(sorted(set(ids), key=str.encode)))

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, position: int) -> str:
        return self.texts[position]

    def position(self, id_: str) -> int:
        """Where the id stands, MISSING when it does not."""
        key, texts = id_.encode("utf-8", "surrogatepass"), self.texts
        at = bisect_left(range(len(texts)), key, key=texts.raw)
        return at if at < len(texts) and texts.raw(at) == key else MISSING

    def positions(self, ids: Sequence[str]) -> Ints:
        """(n,) int32, MISSING where unknown."""
        return np.fromiter((self.position(id_) for id_ in ids), np.int32, len(ids))
