"""Training checkpoint: the state of a fit after an epoch, from which the same fit goes on where it was stopped."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recsys.arrays import AnyArray
from recsys.atomic_file import PRIVATE_FILE, replace_file

Arrays = Mapping[str, AnyArray]
GROUPS = ("parameters", "mean", "variance", "average", "best")
N_NUMBERS = 8  # of 4 bytes, that hold the four numbers of a state


@dataclass(frozen=True, slots=True)
class TrainingState:
    """After `epoch` passes and `step` steps of Adam: parameters with their moments and their moving average.

    best: the average that predicted held-back items best, with that quality, so many passes ago.
    """

    parameters: Arrays
    mean: Arrays
    variance: Arrays
    average: Arrays
    best: Arrays
    quality: float = -np.inf
    epoch: int = 0
    step: int = 0
    since_best: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file in a folder, for one fit; without a folder nothing is kept."""

    file: Path | None

    def save(self, state: TrainingState) -> None:
        """Raises OSError."""
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        numbers = np.array([state.quality, state.epoch, state.step, state.since_best]).view(np.float32)
        content = io.BytesIO()
        np.save(content, np.concatenate([numbers, *(array.ravel() for array in _arrays(state))]))
        replace_file(self.file, content.getvalue(), PRIVATE_FILE)

    def load(self, initial: TrainingState) -> TrainingState:
        """The state that was saved; the initial one, whose shapes it has, where none can be read."""
        if self.file is None:
            return initial
        try:
            stored = np.load(self.file, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return initial
        sizes = [array.size for array in _arrays(initial)]
        if stored.shape != (N_NUMBERS + sum(sizes),):
            return initial
        quality, epoch, step, since_best = stored[:N_NUMBERS].view(np.float64).tolist()
        parts = iter(np.split(stored[N_NUMBERS:], np.cumsum(sizes)[:-1]))
        groups: Any = {
            group: {name: next(parts).reshape(array.shape) for name, array in sorted(getattr(initial, group).items())}
            for group in GROUPS
        }
        return TrainingState(**groups, quality=quality, epoch=int(epoch), step=int(step), since_best=int(since_best))

    def delete(self) -> None:
        """The fit is done."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


def _arrays(state: TrainingState) -> list[AnyArray]:
    return [array for group in GROUPS for _, array in sorted(getattr(state, group).items())]


def checkpoint_of(folder: Path | None, depends_on: str, *arrays: AnyArray) -> Checkpoint:
    """The checkpoint of the fit that depends on that text and those arrays.  folder: None keeps nothing."""
    if folder is None:
        return Checkpoint(None)
    digest = hashlib.sha256(depends_on.encode())
    for array in arrays:
        digest.update(array.tobytes())
    return Checkpoint(folder / f"self_attention-{digest.hexdigest()[:16]}.npy")
