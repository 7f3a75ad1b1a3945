"""Texts and ids as flat arrays that map from a file, without a dict or Python strings in each worker."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from os.path import commonprefix
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import AnyArray, Bytes, Ints, Longs

MISSING = -1
WIDTH = 8
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphen, zero-width blanks and joiners


def normalize_id(text: str) -> str:
    """An id as every door of the shop takes it: without blanks and invisible signs at its ends, and composed (NFC).

    Two ids that look the same on a screen are the same.
    """
    return text.strip() if text.isascii() else normalize("NFC", text).strip().strip(INVISIBLE).strip()


@dataclass(frozen=True, slots=True)
class Texts:
    """n strings as one UTF-8 blob: text i is `blob[offsets[i]:offsets[i + 1]]`.  offsets (n + 1,) int64."""

    blob: Bytes
    offsets: Longs
    # Views of the same memory: to read a single number from a view costs a fraction of reading it from an array.
    _bytes: memoryview = field(init=False, repr=False, compare=False)
    _ends: "memoryview[int]" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bytes", self.blob.data)
        object.__setattr__(self, "_ends", self.offsets.data)

    @classmethod
    def from_strings(cls, texts: Iterable[str]) -> "Texts":
        parts = [text.encode() for text in texts]
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return cls(np.frombuffer(b"".join(parts), np.uint8), offsets)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray], prefix: str) -> "Texts":
        return cls(arrays[f"{prefix}blob"], arrays[f"{prefix}offsets"])

    def arrays(self, prefix: str) -> dict[str, AnyArray]:
        return {f"{prefix}blob": self.blob, f"{prefix}offsets": self.offsets}

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
    """Ids numbered by their rank in UTF-8 order; an id finds its number by bisection."""

    texts: Texts
    # The eight bytes after the common prefix of all ids, as numbers: bisection through them stays in C.
    _prefix: bytes = field(init=False, repr=False, compare=False)
    _keys: "memoryview[int]" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ends = (self.texts.raw(0), self.texts.raw(len(self.texts) - 1)) if len(self.texts) else (b"",)
        object.__setattr__(self, "_prefix", commonprefix(ends))  # noqa: RUF071 - of bytes, not of paths
        object.__setattr__(self, "_keys", _keys(self.texts, len(self._prefix)).data)

    @classmethod
    def from_ids(cls, ids: Iterable[str]) -> "IdMap":
        return cls(Texts.from_strings(sorted(set(ids), key=str.encode)))

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, position: int) -> str:
        return self.texts[position]

    def position(self, id_: str) -> int:
        """The position of the id, MISSING when there is none."""
        whole = id_.encode("utf-8", "surrogatepass")
        if not whole.startswith(self._prefix):
            return MISSING
        key = int.from_bytes(whole[len(self._prefix) :][:WIDTH].ljust(WIDTH, b"\0"))
        at = bisect_left(self._keys, key)
        end = bisect_right(self._keys, key, at)
        if end - at > 1:
            at = bisect_left(range(end), whole, at, key=self.texts.raw)
        return at if at < end and self.texts.raw(at) == whole else MISSING

    def positions(self, ids: Sequence[str]) -> Ints:
        """(n,) int32, MISSING where unknown."""
        return np.fromiter((self.position(id_) for id_ in ids), np.int32, len(ids))


def _keys(texts: Texts, skip: int) -> NDArray[np.uint64]:
    """Bytes `skip` to `skip + 8` of every text as one number, the first byte highest, 0 behind its end.  (n,)"""
    keys = np.zeros(len(texts), np.uint64)
    for place in range(skip, skip + WIDTH):
        at = texts.offsets[:-1] + place
        is_inside = at < texts.offsets[1:]
        keys <<= np.uint64(8)
        keys[is_inside] |= texts.blob[at[is_inside]]
    return keys
