"""From a score to the chance of a purchase, learnt on held-back weeks, so that unlike lists can be merged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Longs
from recsys.models.blend import Candidates

GOOD = 0.97  # part of the curve's bins, each of which stands for as many examples


@dataclass(frozen=True, slots=True)
class Chance:
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


def learn_chance(scores: Floats, was_bought: Bools, bins: int = 200) -> Chance | None:
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
    return Chance(middle, rising + np.arange(bins) * 1e-9)


def merged_by_chance(parts: Sequence[Candidates], chances: Sequence[Doubles]) -> tuple[Candidates, Longs]:
    """One list of all candidates by chance, and which part each comes from; an item of two parts keeps the first.

    Where chances are equal the earlier part comes first, and each part keeps its order.
    """
    useful = [at for at, part in enumerate(parts) if len(part)]
    if len(useful) == 1:
        only = useful[0]
        merged = Candidates(parts[only].items, chances[only].astype(np.float32))
        return merged, np.full(len(merged), only)
    items = np.concatenate([part.items for part in parts])
    chance = np.concatenate(chances)
    origin = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    _, first = np.unique(items, return_index=True)
    first.sort()
    order = first[np.argsort(-chance[first], kind="stable")]
    return Candidates(items[order], chance[order].astype(np.float32)), origin[order]


def interleaved(parts: Sequence[Candidates], share_of_first: float) -> tuple[Candidates, Longs]:
    """Two lists as one: the first gets that share of every stretch of the list.  For shops too young for a curve."""
    first, second = parts
    share = min(max(share_of_first, 1e-6), 1 - 1e-6)
    slots = [((at + 0.5) / share, 0, item) for at, item in enumerate(first.items.tolist())]
    slots += [((at + 0.5) / (1 - share), 1, item) for at, item in enumerate(second.items.tolist())]
    origin_by_item: dict[int, int] = {}
    for _, part, item in sorted(slots):
        origin_by_item.setdefault(item, part)
    falling = 1.0 / (1.0 + np.arange(len(origin_by_item)))
    items = np.array(list(origin_by_item), np.int32)
    return Candidates(items, falling.astype(np.float32)), np.array(list(origin_by_item.values()), np.int64)
