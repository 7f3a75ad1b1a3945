"""Explicit ratings of items by customers: one for each customer and item, ragged by customer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.random import Generator

from recsys.arrays import Bools, Floats, Ints, Longs
from recsys.bundle.array_spec import ArraySpec, offsets, positions
from recsys.errors import NotEnoughData

if TYPE_CHECKING:
    from scipy import sparse


@dataclass(frozen=True, slots=True)
class RatedItems:
    """The ratings of a customer.  item (N,) ascending, each once; value (N,) on the shop's scale."""

    item: Ints
    value: Floats

    @classmethod
    def from_ratings(cls, item: Ints, value: Floats) -> Self:
        """From ratings in the order they were given: of two ratings of an item the later one counts."""
        unique, last = np.unique(item[::-1], return_index=True)
        return cls(unique.astype(np.int32), value[::-1][last].astype(np.float32))

    def with_later(self, later: Self) -> Self:
        """These ratings, replaced where the customer rated an item again later."""
        return self.from_ratings(np.concatenate((self.item, later.item)), np.concatenate((self.value, later.value)))


@dataclass(frozen=True, slots=True)
class Ratings:
    """U customers: offsets (U + 1,), item (P,) ascending for each customer, value (P,)."""

    offsets: Longs
    item: Ints
    value: Floats
    n_items: int

    @staticmethod
    def specs() -> dict[str, ArraySpec]:
        """What each array of a bundle must be."""
        return {
            "offsets": offsets("U", "P"),
            "item": positions("P", "I", rows="offsets", order="rising strictly"),
            "value": ArraySpec("P", "float32"),
        }

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def user(self) -> Ints:
        """The customer of each rating.  (P,)"""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))

    def by_user(self, user: int) -> RatedItems:
        """The ratings of that customer."""
        mine = slice(self.offsets[user], self.offsets[user + 1])
        return RatedItems(self.item[mine], self.value[mine])

    def only(self, kept: Bools) -> "Ratings":
        """The marked ratings, with the same customers and items.  kept (P,)"""
        offsets = np.concatenate(([0], np.cumsum(kept)))[self.offsets].astype(np.int64)
        return Ratings(offsets, self.item[kept], self.value[kept], self.n_items)

    def matrix(self, values: Floats) -> "sparse.csr_array":
        """Values aligned with these ratings as a matrix of customers and items, (U, I)."""
        from scipy import sparse

        return sparse.csr_array((values, self.item, self.offsets), shape=(len(self), self.n_items))


def build_ratings(user: Ints, item: Ints, value: Floats, *, n_users: int, n_items: int) -> Ratings:
    """From ratings in the order they were given, (N,) each: the last one of a customer and item counts."""
    pair, last = np.unique((user.astype(np.int64) * n_items + item)[::-1], return_index=True)
    offsets = np.searchsorted(pair, np.arange(n_users + 1, dtype=np.int64) * n_items)
    kept = value[::-1][last].astype(np.float32)
    return Ratings(offsets.astype(np.int64), (pair % max(n_items, 1)).astype(np.int32), kept, n_items)


def hold_out_mask(ratings: Ratings, rng: Generator, *, share: float, most_customers: int) -> Bools:
    """Which ratings to hold out: a random share of the ratings of a limited number of customers.  (P,)"""
    users = len(ratings)
    chosen = np.zeros(users, np.bool_)
    chosen[rng.permutation(users)[:most_customers]] = True
    return (rng.random(len(ratings.item)) < share) & chosen[ratings.user]


def require_ratings(ratings: Ratings) -> None:
    """Raises NotEnoughData when there is no rating."""
    if not len(ratings.item):
        raise NotEnoughData("there are no ratings to learn from; import events of kind rating, then train again")
