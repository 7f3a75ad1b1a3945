"""From a score to the chance of a purchase, learnt on held-back weeks, so that unlike lists can be merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from recsys.arrays import Bools, Doubles, Floats
from recsys.models.candidates import Candidates

Placed = tuple[int, float, int]  # item, score, and which part it comes from
_by_chance = itemgetter(0)

GOOD = 0.97  # part of the curve's bins, each of which stands for as many examples


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising curve: at score `scores[i]` the chance is `chances[i]`, straight in between, flat outside."""

    scores: Doubles
    chances: Doubles

    @property
    def good(self) -> float:
        """A chance that hardly any candidate exceeds: what lies above is a few examples, and luck."""
        return float(self.chances[int(GOOD * (len(self.chances) - 1))])

    def of(self, scores: Floats) -> Doubles:
        """(N,) -> (N,), in [0, 1]"""
        return np.interp(scores, self.scores, self.chances)


def learn_calibration(scores: Floats, was_bought: Bools, bins: int = 200) -> Calibration | None:
    """The curve through the share bought in bins of equal size (isotonic regression); None below 1,000 examples.

    (N,), (N,) -> Chance.  Zadrozny & Elkan 2002: calibrated by pair-adjacent violators.
    """
    from scipy.optimize import isotonic_regression  # not in the memory of a server

    if len(scores) < 1_000:
        return None
    order = np.argsort(scores, kind="stable")
    groups = np.array_split(order, bins)
    middle = np.array([float(np.mean(scores[group])) for group in groups])
    share = np.array([float(np.mean(was_bought[group])) for group in groups])
    rising = isotonic_regression(share, weights=[len(group) for group in groups]).x
    # A hair of slope keeps the order inside a flat stretch.
    return Calibration(middle, rising + np.arange(bins) * 1e-9)


def merged_by_probability(parts: Sequence[Candidates], chances: Sequence[Doubles]) -> list[Placed]:
    """One list of all candidates by chance; an item of two parts keeps the first.

    Where chances are equal the earlier part comes first, and each part keeps its order.
    """
    # A few items with every answer: lists are done with before arrays have begun.
    found: list[tuple[float, Placed]] = []
    taken: set[int] = set()
    for at, (part, chance) in enumerate(zip(parts, chances, strict=True)):
        shown = chance.astype(np.float32).tolist()
        new = [
            (sure, (item, score, at))
            for item, score, sure in zip(part.items.tolist(), shown, chance.tolist(), strict=True)
            if item not in taken
        ]
        taken.update(item for _, (item, _, _) in new)
        found += new
    found.sort(key=_by_chance, reverse=True)  # keeps the order of equals
    return [placed for _, placed in found]


def interleaved(parts: Sequence[Candidates], share_of_first: float) -> list[Placed]:
    """Two lists as one: the first gets that share of every stretch of the list.  For shops too young for a curve."""
    first, second = parts
    share = min(max(share_of_first, 1e-6), 1 - 1e-6)
    slots = [((at + 0.5) / share, 0, item) for at, item in enumerate(first.items.tolist())]
    slots += [((at + 0.5) / (1 - share), 1, item) for at, item in enumerate(second.items.tolist())]
    part_by_item: dict[int, int] = {}
    for _, part, item in sorted(slots):
        part_by_item.setdefault(item, part)
    falling = (1.0 / (1.0 + np.arange(len(part_by_item)))).astype(np.float32).tolist()
    return [(item, score, part) for (item, part), score in zip(part_by_item.items(), falling, strict=True)]
