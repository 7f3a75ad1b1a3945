"""Candidates found before: by training for who shopped lately, by earlier answers for all; until the next event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from recsys.arrays import AnyArray, Bools, Ints, Longs
from recsys.data.ids import MISSING
from recsys.models.candidates import Candidates

MOST = 10_000  # customers; some 15 MB a worker

AGAIN = "buys-again"  # no model is named like that

CandidateLists = tuple[Candidates, ...]  # one of each model of the blend, in its order


class CandidateKey(NamedTuple):
    """All that the candidates of a customer depend on besides what may be shown: another event, another taste.

    openings: of the catalogue; an item that is listed again could have been among them.
    user: position in the bundle while nothing that tells of taste has happened since it was made, else MISSING.
    """

    user_id: str
    n_recent: int
    last_event_id: str
    openings: int
    user: int = MISSING


class RepeatPurchases(NamedTuple):
    """What one customer buys again: the best of it, how often each item was bought, and on which day last.

    found (N,); times, days (N,) int32, days since 1970.
    """

    found: Candidates
    times: Ints
    days: Ints


@dataclass(frozen=True, slots=True)
class PrecomputedCandidates:
    """Lists that training made for P customers, on the assumption that nothing happens meanwhile.

    users (P,): positions, rising.  parts: of each model offsets (P + 1,) int64, items and scores, ragged.
    again: what they buy again, likewise; None where no model knows that.
    """

    users: Ints
    parts: Mapping[str, tuple[Longs, Candidates]]
    again: tuple[Longs, RepeatPurchases] | None = None

    @classmethod
    def of(
        cls, users: Ints, lists: Sequence[CandidateLists], names: Sequence[str], again: Sequence[RepeatPurchases] = ()
    ) -> Self:
        """The lists of those customers, by position, each of the models of those names."""
        parts = {name: _ragged([one[at] for one in lists]) for at, name in enumerate(names)}
        return cls(users, parts, _all_again(again) if again else None)

    def find(self, user: int) -> CandidateLists | None:
        row = self._row(user)
        if row == MISSING:
            return None
        return tuple(
            Candidates(whole.items[offsets[row] : offsets[row + 1]], whole.scores[offsets[row] : offsets[row + 1]])
            for offsets, whole in self.parts.values()
        )

    def find_again(self, user: int) -> RepeatPurchases | None:
        row = self._row(user) if self.again is not None else MISSING
        if self.again is None or row == MISSING:
            return None
        offsets, (whole, times, days) = self.again
        own = slice(offsets[row], offsets[row + 1])
        return RepeatPurchases(Candidates(whole.items[own], whole.scores[own]), times[own], days[own])

    def _row(self, user: int) -> int:
        row = int(self.users.searchsorted(user))
        return row if row < len(self.users) and self.users[row] == user else MISSING

    def arrays(self) -> dict[str, AnyArray]:
        """The whole state, for a bundle."""
        arrays: dict[str, AnyArray] = {"users": self.users}
        for name, (offsets, whole) in self.parts.items():
            arrays |= {f"{name}/offsets": offsets, f"{name}/items": whole.items, f"{name}/scores": whole.scores}
        if self.again is not None:
            offsets, (whole, times, days) = self.again
            arrays |= {f"{AGAIN}/offsets": offsets, f"{AGAIN}/items": whole.items, f"{AGAIN}/scores": whole.scores}
            arrays |= {f"{AGAIN}/times": times, f"{AGAIN}/days": days}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray], names: Sequence[str]) -> Self:
        """Lists of those models, in that order."""
        again = None
        if f"{AGAIN}/offsets" in arrays:
            offsets, whole = _part(arrays, AGAIN)
            again = offsets, RepeatPurchases(whole, arrays[f"{AGAIN}/times"], arrays[f"{AGAIN}/days"])
        return cls(arrays["users"], {name: _part(arrays, name) for name in names}, again)


class CandidateCache:
    """Up to `most` customers' lists of answers before, and those that training prepared; 0 keeps none of the first.

    A list holds the best of everything that is listed and that the customer has not had, sold out or not, filtered or
    not: so it serves any question whose filters leave enough of it.
    """

    def __init__(self, most: int = MOST, prepared: PrecomputedCandidates | None = None) -> None:
        self._most = most
        self.prepared = prepared
        self._found: dict[CandidateKey, CandidateLists] = {}

    @property
    def keeps(self) -> bool:
        """Whether what is found now serves anybody later."""
        return self._most > 0

    def drop(self) -> None:
        """Forgets the lists of all customers; those that training prepared are not in memory."""
        self._found.clear()

    def find(self, taste: CandidateKey) -> CandidateLists | None:
        """The lists that a search would find now."""
        found = self._found.get(taste)
        if found is None and self.prepared is not None and taste.user != MISSING and not taste.openings:
            return self.prepared.find(taste.user)
        return found

    def again(self, taste: CandidateKey | None) -> RepeatPurchases | None:
        """What training prepared of what the customer buys again, where nothing happened since."""
        if taste is None or taste.user == MISSING or self.prepared is None:
            return None
        return self.prepared.find_again(taste.user)

    def keep(self, taste: CandidateKey, found: CandidateLists) -> None:
        if not self._most:
            return
        if len(self._found) >= self._most:
            self._found.pop(next(iter(self._found), taste), None)
        self._found[taste] = found


def shortened(part: Candidates, allowed: Bools, k: int, depth: int) -> Candidates | None:
    """The k best that are allowed, of the `depth` best of all; None when there could be others further down."""
    left = allowed[part.items].nonzero()[0][:k]
    return Candidates(part.items[left], part.scores[left]) if len(left) == k or len(part) < depth else None


def _ragged(lists: Sequence[Candidates]) -> tuple[Longs, Candidates]:
    ends = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    items = np.concatenate([part.items for part in lists]).astype(np.int32)
    return ends, Candidates(items, np.concatenate([part.scores for part in lists]).astype(np.float32))


def _all_again(lists: Sequence[RepeatPurchases]) -> tuple[Longs, RepeatPurchases]:
    offsets, found = _ragged([one.found for one in lists])
    times, days = (np.concatenate(column).astype(np.int32) for column in list(zip(*lists, strict=True))[1:])
    return offsets, RepeatPurchases(found, times, days)


def _part(arrays: Mapping[str, AnyArray], name: str) -> tuple[Longs, Candidates]:
    return arrays[f"{name}/offsets"], Candidates(arrays[f"{name}/items"], arrays[f"{name}/scores"])
