"""A list put together under promises: what is pinned stands, no cap is broken, and there is enough of what must be."""

from collections.abc import Iterable, Sequence

import numpy as np

from recsys.arrays import Bools
from recsys.data.catalogue.catalogue import Catalogue
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.candidates.pool import CandidatePool
from recsys.ranking.rerank.constraints import DEEPER, FEWEST_CANDIDATES, Cap, Constraints, Pin, Quota
from recsys.ranking.rerank.reorder import alike, boosted, diverse, explored


class Assembly:
    """One list in the making.  Belongs to one ask."""

    def __init__(self, supply: CandidatePool, shaping: Constraints, k: int) -> None:
        self._supply = supply
        self._k = k
        self._left = supply.question.allowed.copy()
        self._caps = [_Counted(cap) for cap in shaping.caps]
        self._quotas = [_Due(quota, k) for quota in shaping.quotas]
        self._taken: list[ScoredItem] = []
        self._pinned = self._pins(shaping.pins)
        self._is_above = np.ones(len(self._left), bool)
        self._is_above[shaping.buried] = False

    def of(self, candidates: Sequence[ScoredItem]) -> list[ScoredItem]:
        """min(k, what the caps allow) picks in this order, what is buried below all others, pins in their places."""
        n_pins = len(self._taken)
        self._fill([pick for pick in candidates if self._left[pick.item] and self._is_above[pick.item]])
        self._is_above[:] = True
        self._fill([])
        return _with_pins(self._taken[n_pins:], self._pinned)

    def _fill(self, waiting: list[ScoredItem]) -> None:
        while len(self._taken) < self._k:
            at = self._next(waiting, self._due())
            if at is None:
                return
            self._take(waiting.pop(at))

    def _due(self) -> "_Due | None":
        """The group that the places left must go to, None while there are places to spare."""
        missing = [due for due in self._quotas if due.missing]
        is_time = sum(due.missing for due in missing) >= self._k - len(self._taken)
        return missing[0] if missing and is_time else None

    def _next(self, waiting: list[ScoredItem], due: "_Due | None") -> int | None:
        """Where the next pick waits, fetched when it has to be; None when there is none left."""
        at = self._first(waiting, due)
        if at is None:
            start = len(waiting)
            waiting += self._fetched(due)
            at = start if len(waiting) > start else None
        if at is None and due is not None:
            due.give_up()
            return self._next(waiting, self._due())
        return at

    def _first(self, waiting: list[ScoredItem], due: "_Due | None") -> int | None:
        for at, pick in enumerate(waiting):
            if self._fits(pick.item) and (due is None or due.items[pick.item]):
                return at
        return None

    def _fetched(self, due: "_Due | None") -> list[ScoredItem]:
        among = self._left & (due.items if due is not None else self._is_above)
        for cap in self._caps:
            cap.close(among)
        if not among.any():
            return []
        if due is None:
            return self._supply.best(self._k - len(self._taken), among)
        return self._wanted(due.missing, among)

    def _wanted(self, n: int, among: Bools) -> list[ScoredItem]:
        """The n best of what has to stand in the list: no step down the ladder, whatever rung they are found on."""
        level = self._supply.question.level
        return [pick._replace(level=level) for pick in self._supply.best(n, among)]

    def _fits(self, item: int) -> bool:
        return bool(self._left[item]) and all(cap.has_room(item) for cap in self._caps)

    def _take(self, pick: ScoredItem) -> None:
        self._taken.append(pick)
        self._left[pick.item] = False
        for cap in self._caps:
            cap.count(pick.item)
        for due in self._quotas:
            due.count(pick.item)

    def _pins(self, pins: Iterable[Pin]) -> dict[int, ScoredItem]:
        """What stands where, by place from 0; of two for one place the later one takes the next that is free."""
        found: dict[int, ScoredItem] = {}
        for pin in pins:
            slot = pin.slot - 1
            for pick in self._pinnable(pin):
                while slot in found:
                    slot += 1
                if slot >= self._k:
                    break
                found[slot] = pick
                self._take(pick)
        return found

    def _pinnable(self, pin: Pin) -> list[ScoredItem]:
        among = np.zeros(len(self._left), bool)
        among[pin.items] = True
        among &= self._left
        n = int(np.count_nonzero(among))
        if not n:
            return []
        picks = self._wanted(n if pin.is_listed else pin.most, among)
        if pin.is_listed:
            place = {item: at for at, item in enumerate(pin.items.tolist())}
            picks.sort(key=lambda pick: place[pick.item])
        return picks[: pin.most]


class _Counted:
    """A cap, and how often each value was taken."""

    def __init__(self, cap: Cap) -> None:
        self._cap = cap
        self._often: dict[int, int] = {}

    def has_room(self, item: int) -> bool:
        code = self._code(item)
        return code == 0 or self._often.get(code, 0) < self._cap.most

    def count(self, item: int) -> None:
        code = self._code(item)
        self._often[code] = self._often.get(code, 0) + 1

    def close(self, among: Bools) -> None:
        """Takes out of the mask what has no room any more.  (I,)"""
        full = [code for code, often in self._often.items() if code and often >= self._cap.most]
        if not full:
            return
        closed = np.isin(self._cap.codes, full)
        if self._cap.among is not None:
            closed &= self._cap.among
        among &= ~closed

    def _code(self, item: int) -> int:
        """0 for what is not capped."""
        among = self._cap.among
        return int(self._cap.codes[item]) if among is None or among[item] else 0


class _Due:
    """A group of which some must stand in the list, and how many are missing."""

    def __init__(self, quota: Quota, k: int) -> None:
        self.items = quota.items
        self.missing = min(quota.least, k)

    def count(self, item: int) -> None:
        if self.missing and self.items[item]:
            self.missing -= 1

    def give_up(self) -> None:
        """There are no more of them."""
        self.missing = 0


def _with_pins(picks: Sequence[ScoredItem], pinned: dict[int, ScoredItem]) -> list[ScoredItem]:
    whole = list(picks)
    for slot, pick in sorted(pinned.items()):
        whole.insert(slot, pick)  # beyond the end is at the end
    return whole


def shaped(supply: CandidatePool, shaping: Constraints, k: int, catalogue: Catalogue) -> list[ScoredItem]:
    """The list of k in the shape that is wished for: raised and lowered, explored, made diverse, put together."""
    found = supply.first(k, shaping.depth(k))
    items = np.array([pick.item for pick in found], np.int32)
    picks, places = boosted(found, shaping.factors(items), shaping.sunk(items, k))
    n = max(DEEPER * k, FEWEST_CANDIDATES)
    if shaping.seed is not None:
        picks[:n] = explored(picks[:n], places[:n], shaping.seed, catalogue)
    if shaping.diversity:
        picks[:n] = diverse(picks[:n], 2 * k, shaping.diversity, alike(picks[:n], supply.engine, catalogue))
    return Assembly(supply, shaping, k).of(picks)
