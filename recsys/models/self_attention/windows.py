"""Training windows: the histories of all customers, cut into rows of equal length for the network."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from recsys.arrays import Ints, Longs
from recsys.data.dataset.histories import Histories
from recsys.models.sequence import item_steps

NO_ITEM = -1
LENGTHS = (1, 2, 4)  # shorter histories get shorter rows: these parts of a window
PLACES = 1_024  # of items that one step of a training looks at


@dataclass(frozen=True, slots=True)
class ItemSequences:
    """The items of Q users, oldest first, row by row: offsets (Q + 1,), item and step (N,), see ItemSteps.

    The next of two equal items is left out: who buys what was just viewed says nothing about the order of items.
    """

    offsets: Longs
    item: Ints
    step: Longs

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def user(self) -> Longs:
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def last(self, width: int) -> Ints:
        """The last items of each user, right-aligned, NO_ITEM in front.  (Q, width)"""
        return self._rows(self.offsets[1:], self.offsets[:-1], width)

    def without_last(self, users: Longs) -> "ItemSequences":
        """The same without the last item of those users, who have one."""
        is_kept = np.ones(len(self.item), bool)
        is_kept[self.offsets[users + 1] - 1] = False
        return self._where(is_kept)

    def shuffled(self, rng: Generator) -> "ItemSequences":
        """In another order within each moment: a basket has none."""
        order = np.lexsort((rng.random(len(self.item)), self.step, self.user))
        return ItemSequences(self.offsets, self.item[order], self.step)

    def windows(self, width: int, rng: Generator) -> tuple[Ints, Ints]:
        """Every item but the first of each user is a target once, where a window begins is random.

        -> tokens (R, width), targets (R, width): the item after each token, NO_ITEM where it does not count.
        """
        n_targets = np.maximum(np.diff(self.offsets) - 1, 0)
        shift = np.where(n_targets > width, rng.integers(0, width, len(self)), 0)
        n_rows = -(-(n_targets + shift) // width)
        user = np.repeat(np.arange(len(self)), n_rows)
        nth = np.arange(len(user)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
        first = self.offsets[user] + 1
        begins = np.maximum(first, first - shift[user] + nth * width)
        ends = np.minimum(self.offsets[user + 1], first - shift[user] + (nth + 1) * width)
        return self._rows(ends - 1, self.offsets[user], width), self._rows(ends, begins, width)

    def _rows(self, ends: Longs, starts: Longs, width: int) -> Ints:
        place = ends[:, None] - np.arange(width, 0, -1)
        rows: Ints = (
            np.where(place >= starts[:, None], self.item[np.maximum(place, 0)], NO_ITEM)
            if len(self.item)
            else np.full(place.shape, NO_ITEM)
        )
        return rows.astype(np.int32)

    def _where(self, is_kept: np.ndarray) -> "ItemSequences":
        before = np.concatenate(([0], np.cumsum(is_kept)))
        return ItemSequences(before[self.offsets], self.item[is_kept], self.step[is_kept])


def item_sequences(histories: Histories) -> ItemSequences:
    """The events with a weight above 0."""
    steps = item_steps(histories)
    offsets = np.searchsorted(steps.user, np.arange(len(histories) + 1))
    is_new = np.ones(len(steps.item), bool)
    is_new[1:] = (steps.item[1:] != steps.item[:-1]) | (steps.user[1:] != steps.user[:-1])
    return ItemSequences(offsets, steps.item.astype(np.int32), steps.step)._where(is_new)


def batches(tokens: Ints, targets: Ints, n_tokens: int, rng: Generator) -> Iterator[tuple[Ints, Ints]]:
    """All rows in random order, about n_tokens places at once; rows with few items are made shorter.

    The last rows of each length are filled up with empty ones, so that few shapes occur.
    """
    width = tokens.shape[1]
    used = (tokens != NO_ITEM).sum(1)
    lengths = sorted({-(-width // part) for part in LENGTHS})
    length = np.array(lengths)[np.searchsorted(lengths, used)]
    parts: list[tuple[Longs, int, int]] = []
    for size in lengths:
        rows = rng.permutation(np.flatnonzero(length == size))
        n_rows = max(1, n_tokens // size)
        parts += [(rows[start : start + n_rows], size, n_rows) for start in range(0, len(rows), n_rows)]
    for at in rng.permutation(len(parts)):
        rows, size, n_rows = parts[at]
        yield _filled(tokens[rows, -size:], n_rows), _filled(targets[rows, -size:], n_rows)


def _filled(rows: Ints, n_rows: int) -> Ints:
    return np.pad(rows, ((0, n_rows - len(rows)), (0, 0)), constant_values=NO_ITEM)
