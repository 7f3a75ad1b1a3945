"""Candidate cache: lists precomputed by training for recent users, and lists kept from earlier requests of all users.

A list is valid until the next event of its user.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np

from recsys.arrays import AnyArray, Bools, Ints, Longs
from recsys.bundle.array_spec import ArraySpec, below, offsets, positions
from recsys.bundle.bundle import MAX_DAYS
from recsys.data.ids import MISSING
from recsys.engine.folded_users import FoldedUsers, fold_specs
from recsys.engine.recent_entries import RecentEntries
from recsys.memory_size import text_bytes
from recsys.models.base import Fold
from recsys.models.candidates import Candidates

CAPACITY = 10_000  # users; about 15 MB in each worker
USER_BYTES = 8_192  # for each of them: longer lists and ids leave room for fewer users
REPEAT_BYTES = 2_048  # the same of what each buys again
_ARRAY_BYTES = 112  # of an array beside its values
_LIST_BYTES = 300  # of a list or a key, beside its arrays and texts
REPEAT_FOLDER = "buys-again"  # no model has this name

CandidateLists = tuple[Candidates, ...]  # one of each model of the blend, in its order


class CandidateKey(NamedTuple):
    """Everything that a user's candidates depend on, apart from eligibility: a new event gives a new key.

    openings: of the catalogue; an item that is listed again could have been among the candidates.
    user: position in the bundle as long as no event that shows taste has happened since training, else MISSING.
    """

    user_id: str
    n_recent: int
    last_event_id: str
    openings: int
    user: int = MISSING


class RepeatPurchases(NamedTuple):
    """What one user buys again: the best candidates, how often each item was bought, and on which day last.

    candidates (N,); times, days (N,) int32, days since 1970.
    """

    candidates: Candidates
    times: Ints
    days: Ints


@dataclass(frozen=True, slots=True)
class PrecomputedCandidates:
    """Lists that training made for P users; they are right as long as the user does nothing.

    users (P,): positions, rising.  by_model: for each model offsets (P + 1,) int64, items and scores, ragged.
    repeat_purchases: what they buy again, likewise; None where no model predicts that.
    folded: what models know of them, for filters that leave too little of the lists.
    """

    users: Ints
    by_model: Mapping[str, tuple[Longs, Candidates]]
    repeat_purchases: tuple[Longs, RepeatPurchases] | None = None
    folded: FoldedUsers = field(default_factory=FoldedUsers)

    @classmethod
    def from_lists(
        cls,
        users: Ints,
        lists: Sequence[CandidateLists],
        names: Sequence[str],
        repeat_purchases: Sequence[RepeatPurchases] = (),
        folded: FoldedUsers | None = None,
    ) -> Self:
        """The lists of those users, by position; each holds one list of each named model."""
        by_model = {name: _ragged([user_lists[at] for user_lists in lists]) for at, name in enumerate(names)}
        repeats = _ragged_repeats(repeat_purchases) if repeat_purchases else None
        return cls(users, by_model, repeats, folded or FoldedUsers())

    def find(self, user: int) -> CandidateLists | None:
        """The user's lists, None where training made none."""
        row = self._row(user)
        if row == MISSING:
            return None
        return tuple(
            Candidates(whole.items[offsets[row] : offsets[row + 1]], whole.scores[offsets[row] : offsets[row + 1]])
            for offsets, whole in self.by_model.values()
        )

    def find_repeat_purchases(self, user: int) -> RepeatPurchases | None:
        """What the user buys again, None where training did not save it."""
        if self.repeat_purchases is None or (row := self._row(user)) == MISSING:
            return None
        offsets, (whole, times, days) = self.repeat_purchases
        own = slice(offsets[row], offsets[row + 1])
        return RepeatPurchases(Candidates(whole.items[own], whole.scores[own]), times[own], days[own])

    def find_folds(self, user: int) -> dict[str, Fold]:
        """By model, what it knows of the user; empty where training saved nothing."""
        row = self._row(user)
        return {} if row == MISSING else self.folded.folds(row)

    def _row(self, user: int) -> int:
        row = int(self.users.searchsorted(np.int32(user)))  # of a larger type it would convert all of them first
        return row if row < len(self.users) and self.users[row] == user else MISSING

    def for_models(self, names: Sequence[str]) -> "PrecomputedCandidates":
        """The same with the lists of those models only, in that order.  Raises KeyError for a model without lists."""
        return replace(self, by_model={name: self.by_model[name] for name in names})

    def arrays(self) -> dict[str, AnyArray]:
        """The whole state, for a bundle."""
        arrays: dict[str, AnyArray] = {"users": self.users, **self.folded.arrays()}
        for name, part in self.by_model.items():
            arrays |= _list_arrays(name, *part)
        if self.repeat_purchases is not None:
            offsets, (whole, times, days) = self.repeat_purchases
            arrays |= _list_arrays(REPEAT_FOLDER, offsets, whole)
            arrays |= {f"{REPEAT_FOLDER}/times": times, f"{REPEAT_FOLDER}/days": days}
        return arrays

    @classmethod
    def specs(cls, names: Collection[str] = ()) -> dict[str, ArraySpec]:
        """What each array of a bundle must be, for all models among these names: L lists."""
        lists = {
            "offsets": offsets("L", "P"),
            "items": positions("P", "I", rows="offsets", order="each once"),
            "scores": ArraySpec("P", "float32", low=1e-45, rows="offsets", order="falling"),
            "times": positions("P", "N+1", is_optional=True),
            "days": ArraySpec("P", "int32", low=-MAX_DAYS, high=MAX_DAYS, is_optional=True),
            **fold_specs(),
        }
        specs = {"users": positions("L", "U", order="rising strictly")}
        for folder in sorted({name.rpartition("/")[0] for name in names} - {""}):
            specs |= below(f"{folder}/", lists, L="L")
        return specs

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        names = sorted(name.removesuffix("/offsets") for name in arrays if name.endswith("/offsets"))
        by_model = {name: _read_lists(arrays, name) for name in names}
        repeats, folded = by_model.pop(REPEAT_FOLDER, None), FoldedUsers.from_arrays(arrays)
        if repeats is None:
            return cls(arrays["users"], by_model, None, folded)
        offsets, whole = repeats
        times, days = arrays[f"{REPEAT_FOLDER}/times"], arrays[f"{REPEAT_FOLDER}/days"]
        return cls(arrays["users"], by_model, (offsets, RepeatPurchases(whole, times, days)), folded)


class CandidateCache:
    """Lists of up to `capacity` users from earlier requests, and the precomputed ones.

    A list holds the best of everything that is listed and that the user does not own, sold out or not, filtered or
    not: so it serves every query whose filters leave enough of it.  Capacity 0 keeps no list of a request.
    """

    def __init__(self, capacity: int = CAPACITY, precomputed: PrecomputedCandidates | None = None) -> None:
        self._capacity = capacity
        self.precomputed = precomputed
        self._lists = RecentEntries[CandidateKey, CandidateLists](capacity, capacity * USER_BYTES)
        self._repeat_purchases = RecentEntries[CandidateKey, RepeatPurchases](capacity, capacity * REPEAT_BYTES)

    @property
    def is_enabled(self) -> bool:
        """Whether lists of requests are kept."""
        return self._capacity > 0

    def clear(self) -> None:
        """Removes the lists of all requests; the precomputed ones lie in the release, not in memory."""
        self._lists.clear()
        self._repeat_purchases.clear()

    def find(self, key: CandidateKey) -> CandidateLists | None:
        """The lists that a search would find now, None where neither a request nor training found them."""
        lists = self._lists.get(key)
        if lists is None and self.precomputed is not None and key.user != MISSING and not key.openings:
            return self.precomputed.find(key.user)
        return lists

    def find_repeat_purchases(self, key: CandidateKey | None) -> RepeatPurchases | None:
        """What the user buys again as of that key; None where neither a request nor training worked it out."""
        if key is None:
            return None
        repeats = self._repeat_purchases.get(key)
        if repeats is None and key.user != MISSING and self.precomputed is not None:
            return self.precomputed.find_repeat_purchases(key.user)
        return repeats

    def put_repeat_purchases(self, key: CandidateKey, repeats: RepeatPurchases) -> None:
        """Keeps them; the oldest ones make room."""
        columns = (repeats.candidates.items, repeats.candidates.scores, repeats.times, repeats.days)
        self._repeat_purchases.put(key, repeats, _key_bytes(key) + sum(_ARRAY_BYTES + part.nbytes for part in columns))

    def find_folds(self, key: CandidateKey | None) -> dict[str, Fold]:
        """By model, what training precomputed of the user; empty where an event has happened since."""
        if key is None or key.user == MISSING or self.precomputed is None:
            return {}
        return self.precomputed.find_folds(key.user)

    def put(self, key: CandidateKey, lists: CandidateLists) -> None:
        """Keeps the lists; the oldest ones make room."""
        arrays = sum(part.items.nbytes + part.scores.nbytes + _LIST_BYTES for part in lists)
        self._lists.put(key, lists, _key_bytes(key) + arrays)

    def for_models(self, names: Sequence[str], capacity: int) -> "CandidateCache":
        """An empty cache with the precomputed lists of those models, in that order.  Raises KeyError."""
        return CandidateCache(capacity, self.precomputed.for_models(names) if self.precomputed is not None else None)

    def for_blend(self, names: Sequence[str]) -> "CandidateCache":
        """An empty cache of the same size for those models, with the precomputed lists where all of them have some."""
        has_all = self.precomputed is not None and set(names) <= self.precomputed.by_model.keys()
        return self.for_models(names, self._capacity) if has_all else CandidateCache(self._capacity)

    def arrays(self) -> Mapping[str, AnyArray]:
        """The precomputed lists, for a bundle; those of requests are not saved."""
        return self.precomputed.arrays() if self.precomputed is not None else {}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> Self:
        return cls(precomputed=PrecomputedCandidates.from_arrays(arrays))


def _key_bytes(key: CandidateKey) -> int:
    return _LIST_BYTES + text_bytes(key.user_id) + text_bytes(key.last_event_id)


def shortened(candidates: Candidates, mask: Bools, k: int, depth: int) -> Candidates | None:
    """The k best eligible ones of the `depth` best of all; None when there could be others further down."""
    left = mask[candidates.items].nonzero()[0][:k]
    if len(left) < k and len(candidates) >= depth:
        return None
    return Candidates(candidates.items[left], candidates.scores[left])


def _ragged(lists: Sequence[Candidates]) -> tuple[Longs, Candidates]:
    offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    items = np.concatenate([part.items for part in lists]).astype(np.int32)
    return offsets, Candidates(items, np.concatenate([part.scores for part in lists]).astype(np.float32))


def _ragged_repeats(lists: Sequence[RepeatPurchases]) -> tuple[Longs, RepeatPurchases]:
    offsets, candidates = _ragged([own.candidates for own in lists])
    times, days = (np.concatenate(column).astype(np.int32) for column in list(zip(*lists, strict=True))[1:])
    return offsets, RepeatPurchases(candidates, times, days)


def _list_arrays(name: str, offsets: Longs, whole: Candidates) -> dict[str, AnyArray]:
    return {f"{name}/offsets": offsets, f"{name}/items": whole.items, f"{name}/scores": whole.scores}


def _read_lists(arrays: Mapping[str, AnyArray], name: str) -> tuple[Longs, Candidates]:
    return arrays[f"{name}/offsets"], Candidates(arrays[f"{name}/items"], arrays[f"{name}/scores"])
