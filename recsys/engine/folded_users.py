"""Folded users: what models learn from a user's history before they score an item, precomputed by training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from recsys.arrays import AnyArray, Floats, Ragged
from recsys.bundle.array_spec import ArraySpec, offsets, positions
from recsys.models.base import Fold

VECTOR, VOTERS = "vector", ("voter_offsets", "voter", "voter_share")


def fold_specs() -> dict[str, ArraySpec]:
    """What the arrays of one model must be, which has a vector or voters or neither: L users."""
    return {
        VECTOR: ArraySpec("L F", "float32", is_optional=True),
        "voter_offsets": offsets("L", "V", is_optional=True),
        "voter": positions("V", "U", is_optional=True),
        "voter_share": ArraySpec("V", "float32", low=0, is_optional=True),
    }


@dataclass(frozen=True, slots=True)
class FoldedUsers:
    """By model: vectors (L, F) of L users, or their voters, ragged: positions of other users and the share of each."""

    vectors: Mapping[str, Floats] = field(default_factory=dict)
    voters: Mapping[str, Ragged] = field(default_factory=dict)

    @classmethod
    def from_folds(cls, folds: Mapping[str, Sequence[Fold]]) -> Self:
        """By model, the fold of each of L users."""
        vectors = {name: np.stack([vector for (vector,) in rows]) for name, rows in folds.items() if len(rows[0]) == 1}
        voters = {name: _ragged(rows) for name, rows in folds.items() if name not in vectors}
        return cls(vectors, voters)

    def folds(self, row: int) -> dict[str, Fold]:
        """By model, the fold of the user in that row."""
        folds: dict[str, Fold] = {name: (vectors[row],) for name, vectors in self.vectors.items()}
        for name, (ends, voter, share) in self.voters.items():
            own = slice(ends[row], ends[row + 1])
            folds[name] = voter[own], share[own]
        return folds

    def arrays(self) -> dict[str, AnyArray]:
        """The whole state, by model and name."""
        arrays: dict[str, AnyArray] = {f"{name}/{VECTOR}": vectors for name, vectors in self.vectors.items()}
        for name, ragged in self.voters.items():
            columns: Sequence[AnyArray] = ragged
            arrays |= {f"{name}/{key}": column for key, column in zip(VOTERS, columns, strict=True)}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        """Empty for a release that was made before folds were precomputed."""
        vectors = {name: arrays[f"{name}/{VECTOR}"] for name in _names(arrays, VECTOR)}
        voters = {
            name: (arrays[f"{name}/voter_offsets"], arrays[f"{name}/voter"], arrays[f"{name}/voter_share"])
            for name in _names(arrays, VOTERS[0])
        }
        return cls(vectors, voters)


def _names(arrays: Mapping[str, AnyArray], key: str) -> list[str]:
    return sorted(name.removesuffix(f"/{key}") for name in arrays if name.endswith(f"/{key}"))


def _ragged(rows: Sequence[Fold]) -> Ragged:
    ends = np.cumsum([0, *(len(voter) for voter, _ in rows)], dtype=np.int64)
    voter, share = (np.concatenate(column) for column in zip(*rows, strict=True))
    return ends, voter.astype(np.int32), share.astype(np.float32)
