"""User samples: a few held-out customers with their lists by item name, chosen so that they stand for all customers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eval.metrics.accuracy import match
from eval.metrics.held_back import HeldBack
from eval.metrics.ranked_lists import RankedLists
from recsys.arrays import Doubles, Ints, Longs

N_SAMPLES = 5
MOST_NAMED = 12  # items of a history, or held back, that are named


class ListedItem(NamedTuple):
    """An item of a list by its name, and whether the customer took it afterwards."""

    name: str
    is_hit: bool


class CountedItem(NamedTuple):
    """An item of a history by its name, and how often the customer took it."""

    name: str
    n: int


@dataclass(frozen=True, slots=True)
class UserSample:
    """One customer, without an id.

    history: what they took before, the most frequent first; n_history: how many different items that is.
    held_back: what they took afterwards, items of the lists first; n_held_back: how many items.  At most MOST_NAMED of
    each are named.
    lists: by name of the list, its items, best first.
    """

    history: Sequence[CountedItem]
    n_history: int
    held_back: Sequence[str]
    n_held_back: int
    lists: Mapping[str, Sequence[ListedItem]]


@dataclass(frozen=True, slots=True)
class ItemNames:
    """Names of items by position.  history: the items of each of Q customers, an entry per time they took one."""

    name: Callable[[int], str]
    history: Callable[[int], Ints]


def sample_users(
    lists: Mapping[str, RankedLists], held_back: HeldBack, items: ItemNames, *, ours: str, k: int, seed: int
) -> list[UserSample]:
    """The middle customer of each fifth of Q customers by the hits of `ours`, those with the most first.

    Equal numbers of hits stand in random order.  Customers with nothing held back are left out.
    """
    hits = match(lists[ours], held_back).hit[:, :k].sum(axis=1)
    judged = np.flatnonzero(np.diff(held_back.offsets))
    return [_sample(row, lists, held_back, items, k) for row in middle_rows(-hits, judged, N_SAMPLES, seed)]


def middle_rows(values: Longs | Doubles, rows: Longs, n: int, seed: int) -> list[int]:
    """The middle one of each n-th of the rows by their values, ascending; equal values stand in random order.

    values (Q,); rows (N,): positions among the Q.  Fewer than n rows give one each.
    """
    shuffled = np.random.default_rng(seed).permutation(rows)
    ordered = shuffled[np.argsort(values[shuffled], kind="stable")]
    n = min(n, len(ordered))
    return [int(ordered[(2 * part + 1) * len(ordered) // (2 * n)]) for part in range(n)]


def _sample(row: int, lists: Mapping[str, RankedLists], held_back: HeldBack, items: ItemNames, k: int) -> UserSample:
    taken = held_back.item[held_back.offsets[row] : held_back.offsets[row + 1]].tolist()
    had, times = np.unique(items.history(row), return_counts=True)
    frequent = np.argsort(-times, kind="stable")[:MOST_NAMED].tolist()
    shown = {name: each.item[row, : min(k, int(each.length[row]))].tolist() for name, each in lists.items()}
    listed = {item for ranked in shown.values() for item in ranked}
    return UserSample(
        history=[CountedItem(items.name(int(had[at])), int(times[at])) for at in frequent],
        n_history=len(had),
        held_back=[items.name(item) for item in sorted(taken, key=lambda item: item not in listed)[:MOST_NAMED]],
        n_held_back=len(taken),
        lists={
            name: [ListedItem(items.name(item), item in taken) for item in ranked] for name, ranked in shown.items()
        },
    )
