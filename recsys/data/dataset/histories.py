"""Histories of customers as ragged columns: the input of every model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from recsys import kernels
from recsys.arrays import AnyArray, Bools, Doubles, Floats, Ints, Kinds, Longs, ranges
from recsys.bundle.array_spec import ArraySpec, offsets, positions
from recsys.bundle.bundle import MAX_DAYS
from recsys.data.events import PURCHASE, RETURN, Kind
from recsys.fast_dataclass import fast_frozen

FEW_NEW = 8  # up to so many values are inserted by joining slices, which takes a quarter of the time of a mask


def decay(age_days: Doubles, half_life_days: float) -> Doubles:
    """Weight of an event of that age: 1 today, 1/2 after one half-life.  (N,) -> (N,), in (0, 1]."""
    return np.exp2(np.maximum(age_days, 0.0) / -half_life_days)


@dataclass(frozen=True, slots=True)
class UserItemPairs:
    """A row per customer and item, for Q customers, sorted by customer, then item.

    offsets (Q + 1,); item (P,); weight (P,) sum of decayed event weights; count (P,) events;
    first_at, last_at (P,) days.
    """

    offsets: Longs
    item: Ints
    weight: Floats
    count: Ints
    first_at: Doubles
    last_at: Doubles
    n_items: int

    @property
    def user(self) -> Longs:
        """The customer of each pair, (P,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def matrix(self) -> csr_array:
        """The decayed weights, (Q, I) float32."""
        shape = (len(self.offsets) - 1, self.n_items)
        return csr_array((self.weight, self.item, self.offsets), shape=shape)


@fast_frozen
@dataclass(frozen=True, slots=True)
class Histories:
    """The events of Q customers, sorted by customer, then item, then time; a purchase is one of an occasion.

    offsets (Q + 1,) int64; item (N,) int32; at (N,) days since 1970; weight (N,) float32, by kind, negative for returns
    and dismissals; kind (N,) int8.  now: time of the request, in days since 1970.
    """

    offsets: Longs
    item: Ints
    at: Doubles
    weight: Floats
    kind: Kinds
    n_items: int
    now: float
    _item_weights: dict[float, tuple[Ints, Floats]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _folds: dict[int, tuple[object, tuple[AnyArray, ...]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @staticmethod
    def specs() -> dict[str, ArraySpec]:
        """What each array of a bundle must be."""
        return {
            "offsets": offsets("U", "N"),
            "item": positions("N", "I", rows="offsets", order="rising"),
            "at": ArraySpec("N", "float64", low=-MAX_DAYS, high=MAX_DAYS),
            "weight": ArraySpec("N", "float32"),
            "kind": ArraySpec("N", "int8", low=min(Kind), high=max(Kind) + 1),
        }

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def user(self) -> Longs:
        """The customer of each event, (N,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def fold(self, model: object) -> tuple[AnyArray, ...] | None:
        """What that model learnt from this history of one customer; None where it did not yet."""
        kept = self._folds.get(id(model))
        return None if kept is None else kept[1]

    def keep_fold(self, model: object, fold: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        """The same fold, kept for the next question about this history."""
        self._folds[id(model)] = model, fold  # the model is held, so that no other gets its id
        return fold

    def without_sent_back(self) -> "Histories":
        """The history of one customer in which items that were sent back show no liking: no weight above 0."""
        items = sent_back_items(self)
        if not len(items):
            return self
        weight = np.where(np.isin(self.item, items), np.minimum(self.weight, 0), self.weight).astype(np.float32)
        return Histories(self.offsets, self.item, self.at, weight, self.kind, self.n_items, self.now)

    def take(self, users: Sequence[int] | Ints | Longs) -> "Histories":
        """The histories of those customers, in that order."""
        rows = np.asarray(users, np.int64)
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        return self._keep(ranges(self.offsets[rows], lengths), np.concatenate(([0], np.cumsum(lengths))))

    def only(self, *kinds: Kind) -> "Histories":
        """The same customers with only these kinds of events."""
        is_kept = np.zeros(np.iinfo(np.int8).max + 1, bool)
        is_kept[list(kinds)] = True
        return self.where(is_kept[self.kind])  # a tenth of the time of np.isin, and this runs in many requests

    def since(self, at: float) -> "Histories":
        """The same customers with only the events at that time or later."""
        return self.where(self.at >= at)

    def where(self, is_kept: Bools) -> "Histories":
        """The same customers with only the marked events.  (N,)"""
        events = np.flatnonzero(is_kept)
        return self._keep(events, events.searchsorted(self.offsets))

    def with_events(self, item: Ints, at: Doubles, weight: Floats, kind: Kinds, now: float) -> "Histories":
        """A new history of one customer with further events, (N,) each, sorted by item and time."""
        if kernels.compiled is not None:
            columns = (self.item, self.at, self.weight, self.kind, item, at, weight, kind)
            offsets = np.array([0, len(self.item) + len(item)], np.int64)
            return Histories(offsets, *kernels.compiled.merged(*columns), self.n_items, now)
        # Each goes behind the earlier events of its item, where most belong: to sort all would take far longer.
        behind = self.item.searchsorted(item, "right")
        history = Histories(
            np.array([0, len(self.item) + len(item)], np.int64),
            _inserted(self.item, behind, item),
            _inserted(self.at, behind, at),
            _inserted(self.weight, behind, weight),
            _inserted(self.kind, behind, kind),
            self.n_items,
            now,
        )
        before = behind + np.arange(-1, len(item) - 1)
        is_early = (history.at[before] > at) & (history.item[before] == item)
        return history._keep(np.lexsort((history.at, history.item)), history.offsets) if is_early.any() else history

    def _keep(self, events: Longs, offsets: Longs) -> "Histories":
        return Histories(
            offsets, self.item[events], self.at[events], self.weight[events], self.kind[events], self.n_items, self.now
        )

    def item_weights(self, half_life_days: float = np.inf) -> tuple[Ints, Floats]:
        """Items and weights of `pairs` for one customer, in half its time.  (P,), (P,)

        Read-only: models with the same half-life share them.
        """
        weights = self._item_weights.get(half_life_days)
        if weights is None:
            weights = self._item_weights[half_life_days] = self._sum_by_item(half_life_days)
        return weights

    def _sum_by_item(self, half_life_days: float) -> tuple[Ints, Floats]:
        if not len(self.item):
            return self.item, self.weight
        if kernels.compiled is not None:
            return kernels.compiled.item_weights(self.item, self.at, self.weight, self.now, half_life_days)
        starts = _is_first(self.item).nonzero()[0]
        weight = self.weight * decay(self.now - self.at, half_life_days)
        return self.item[starts], np.add.reduceat(weight, starts).astype(np.float32)

    def item_weights_by_user(self, half_life_days: float) -> list[tuple[Ints, Floats]]:
        """The same for each of Q customers."""
        if len(self) == 1:
            return [self.item_weights(half_life_days)]
        pairs = self.pairs(half_life_days)
        rows = (slice(start, end) for start, end in pairwise(pairs.offsets.tolist()))
        return [(pairs.item[row], pairs.weight[row]) for row in rows]

    def pairs(self, half_life_days: float = np.inf) -> UserItemPairs:
        """Events summed by customer and item, each decayed by its age at `now`."""
        n = len(self.item)
        is_first = _is_first(self.item)
        starts_of_rows = self.offsets[:-1]
        is_first[starts_of_rows[starts_of_rows < n]] = True
        starts = np.flatnonzero(is_first)
        ends = np.append(starts[1:], n)[: len(starts)]  # no events, no pairs
        weight = self.weight * decay(self.now - self.at, half_life_days)
        return UserItemPairs(
            offsets=np.searchsorted(starts, self.offsets).astype(np.int64),
            item=self.item[starts],
            weight=(np.add.reduceat(weight, starts) if n else weight).astype(np.float32),
            count=(ends - starts).astype(np.int32),
            first_at=self.at[starts],
            last_at=self.at[ends - 1],
            n_items=self.n_items,
        )


def sent_back_items(history: Histories) -> Ints:
    """The items that one customer sent back as often as they bought them, and has not bought since.  Rising, each once.

    Returns are those of all units of a purchase, see `occasions`.
    """
    if RETURN not in history.kind.tobytes():  # a search through bytes: most customers never send anything back
        return history.item[:0]
    back, bought = ((history.kind == kind).nonzero()[0] for kind in (RETURN, PURCHASE))
    items = np.unique(history.item[back])
    n_back, last_back = _number_and_last(items, history, back)
    n_bought, last_bought = _number_and_last(items, history, bought)
    return items[(n_back >= n_bought) & (last_back >= last_bought)]


def _number_and_last(items: Ints, history: Histories, events: Longs) -> tuple[Longs, Doubles]:
    """How many of the events each item has, and the time of the last one, -inf without.  (N,), (N,)"""
    own = history.item[events]
    ends = own.searchsorted(items, "right")
    n: Longs = ends - own.searchsorted(items)
    last = np.append(history.at[events], -np.inf)[ends - 1]
    return n, np.where(n > 0, last, -np.inf)


def _inserted(own: AnyArray, behind: Longs, new: AnyArray) -> AnyArray:
    """The column with new values, each behind that many own ones.  (N,), (M,), (M,) -> (N + M,)"""
    if len(new) > FEW_NEW:
        is_new = np.zeros(len(own) + len(new), bool)
        is_new[behind + np.arange(len(new))] = True
        column = np.empty(len(is_new), own.dtype)
        column[~is_new], column[is_new] = own, new
        return column
    starts = [0, *behind.tolist()]
    pieces = [part for at, (start, end) in enumerate(pairwise(starts)) for part in (own[start:end], new[at : at + 1])]
    return np.concatenate((*pieces, own[starts[-1] :]), dtype=own.dtype)


def _is_first(item: Ints) -> Bools:
    """Where the rows of the next item begin.  (N,)"""
    is_first = np.ones(len(item), bool)
    np.not_equal(item[1:], item[:-1], out=is_first[1:])
    return is_first


def build_histories(  # noqa: PLR0913 - the columns of one table, by name
    *,
    user: Ints,
    item: Ints,
    at: Doubles,
    weight: Floats,
    kind: Kinds,
    n_users: int,
    n_items: int,
    now: float,
) -> Histories:
    """Histories of n_users customers from events in any order.  All columns (N,)."""
    order = np.lexsort((at, item, user))
    return sorted_histories(
        user[order], item[order], at[order], weight[order], kind[order], n_users=n_users, n_items=n_items, now=now
    )


def sorted_histories(  # noqa: PLR0913 - the columns of one table, by name
    user: Ints, item: Ints, at: Doubles, weight: Floats, kind: Kinds, *, n_users: int, n_items: int, now: float
) -> Histories:
    """The same from events that are sorted by customer, item, time."""
    return Histories(
        np.searchsorted(user, np.arange(n_users + 1)).astype(np.int64),
        item.astype(np.int32),
        at.astype(np.float64),
        weight.astype(np.float32),
        kind.astype(np.int8),
        n_items,
        now,
    )


def past_purchases(items: Ints, history: Histories) -> tuple[Longs, Longs]:
    """Number of purchases of each item by the customer, and the day of the last one, since 1970.  (N,), (N,)"""
    purchase = (history.kind == PURCHASE).nonzero()[0]
    bought = history.item[purchase]
    ends = bought.searchsorted(items, "right")
    times: Longs = ends - bought.searchsorted(items)
    return times, np.floor(history.at[purchase[ends - 1]]).astype(np.int64)
