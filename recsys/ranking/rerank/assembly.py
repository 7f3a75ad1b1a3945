"""List assembly under constraints: pins keep their places, no cap is broken, and quotas are filled."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from recsys.arrays import Bools, Doubles, Ints
from recsys.data.catalogue.mask_cache import to_mask
from recsys.ranking.candidates.pipeline import ScoredItem
from recsys.ranking.candidates.pool import CandidatePool
from recsys.ranking.rerank.constraints import CANDIDATES_PER_SLOT, MIN_CANDIDATES, Cap, Constraints, Pin, Quota
from recsys.ranking.rerank.reorder import boosted, diverse, explored, similarities, weights_of


class Assembly:
    """One list in the making, for one query."""

    def __init__(self, pool: CandidatePool, constraints: Constraints) -> None:
        self._pool = pool
        self._k = pool.context.query.k
        self._left = pool.context.eligible.mask.copy()
        self._caps = [_CapCounter(cap) for cap in constraints.caps]
        self._quotas = [_OpenQuota(quota, self._k) for quota in constraints.quotas]
        self._taken: list[ScoredItem] = []
        self._pinned = self._pins(constraints.pins)
        self._is_above = np.ones(len(self._left), bool)
        self._is_above[constraints.buried] = False

    def assemble(self, scored: Sequence[ScoredItem]) -> list[ScoredItem]:
        """min(k, what the caps allow) items in this order, buried ones below all others, pins in their places."""
        n_pins = len(self._taken)
        self._fill([candidate for candidate in scored if self._left[candidate.item] and self._is_above[candidate.item]])
        self._is_above[:] = True
        self._fill([])
        scored = self._taken[n_pins:]
        for slot, candidate in sorted(self._pinned.items()):
            scored.insert(slot, candidate)  # beyond the end is at the end
        return scored

    def draw_chances(
        self, scored: Sequence[ScoredItem], weights: Doubles, shown: Sequence[int]
    ) -> Iterator[tuple[Ints, Doubles]]:
        """The items that exploration may draw for each place and their probabilities, given the items shown above it.

        scored, weights (N,): what is drawn from.  A place with a pin has one item; one that nothing is drawn for, none.
        Drawing in proportion to the weights and skipping what has no room is drawing among what has room: Luce 1959.
        """
        items = np.array([candidate.item for candidate in scored], np.int32)
        by_item = dict(zip(items.tolist(), scored, strict=True))
        for slot, item in enumerate(shown):
            if slot in self._pinned:
                yield np.array([self._pinned[slot].item], np.int32), np.ones(1)
                continue
            quota = self._due_quota()
            is_open = self._left[items] & self._is_above[items]
            if quota is not None:
                is_open &= quota.mask[items]
            is_open &= [all(cap.has_room(each) for cap in self._caps) for each in items.tolist()]
            chosen = weights[is_open]
            yield items[is_open], chosen / chosen.sum()
            self._take(by_item.get(item) or ScoredItem(item, 0.0, "", self._pool.context.level))

    def _fill(self, scored: list[ScoredItem]) -> None:
        while len(self._taken) < self._k:
            at = self._next(scored, self._due_quota())
            if at is None:
                return
            self._take(scored.pop(at))

    def _due_quota(self) -> "_OpenQuota | None":
        """The quota that needs the places left, None while there are places to spare."""
        quotas = [quota for quota in self._quotas if quota.missing]
        is_time = sum(quota.missing for quota in quotas) >= self._k - len(self._taken)
        return quotas[0] if quotas and is_time else None

    def _next(self, scored: list[ScoredItem], quota: "_OpenQuota | None") -> int | None:
        """The index of the next item, fetched if need be; None when there is none left."""
        at = self._first(scored, quota)
        if at is None:
            start = len(scored)
            scored += self._fetched(quota)
            at = start if len(scored) > start else None
        if at is None and quota is not None:
            quota.missing = 0  # there are no more such items
            return self._next(scored, self._due_quota())
        return at

    def _first(self, scored: list[ScoredItem], quota: "_OpenQuota | None") -> int | None:
        for at, candidate in enumerate(scored):
            item = candidate.item
            if not self._left[item] or (quota is not None and not quota.mask[item]):
                continue
            if all(cap.has_room(item) for cap in self._caps):
                return at
        return None

    def _fetched(self, quota: "_OpenQuota | None") -> list[ScoredItem]:
        mask = self._left & (quota.mask if quota is not None else self._is_above)
        for cap in self._caps:
            cap.close(mask)
        if not mask.any():
            return []
        if quota is None:
            return self._pool.best(self._k - len(self._taken), mask)
        return self._required(quota.missing, mask)

    def _required(self, k: int, mask: Bools) -> list[ScoredItem]:
        """The k best items that must be in the list: they do not count as a fallback, whatever level finds them."""
        level = self._pool.context.level
        return [candidate._replace(level=level) for candidate in self._pool.best(k, mask)]

    def _take(self, candidate: ScoredItem) -> None:
        self._taken.append(candidate)
        self._left[candidate.item] = False
        for cap in self._caps:
            cap.count(candidate.item)
        for quota in self._quotas:
            quota.count(candidate.item)

    def _pins(self, pins: Iterable[Pin]) -> dict[int, ScoredItem]:
        """The pinned items by place from 0; of two for one place, the later one takes the next free place."""
        pinned: dict[int, ScoredItem] = {}
        for pin in pins:
            slot = pin.slot - 1
            for candidate in self._pinnable(pin):
                while slot in pinned:
                    slot += 1
                if slot >= self._k:
                    break
                pinned[slot] = candidate
                self._take(candidate)
        return pinned

    def _pinnable(self, pin: Pin) -> list[ScoredItem]:
        mask = to_mask(pin.items, len(self._left)) & self._left
        n = int(np.count_nonzero(mask))
        if not n:
            return []
        scored = self._required(n if pin.is_ordered else pin.most, mask)
        if pin.is_ordered:
            place = {item: at for at, item in enumerate(pin.items.tolist())}
            scored.sort(key=lambda candidate: place[candidate.item])
        return scored[: pin.most]


class _CapCounter:
    """A cap, and how many items of each value are in the list."""

    def __init__(self, cap: Cap) -> None:
        self._cap = cap
        self._counts: dict[int, int] = {}

    def has_room(self, item: int) -> bool:
        code = self._code(item)
        return code == 0 or self._counts.get(code, 0) < self._cap.most

    def count(self, item: int) -> None:
        code = self._code(item)
        self._counts[code] = self._counts.get(code, 0) + 1

    def close(self, mask: Bools) -> None:
        """Removes the items from the mask for which there is no room any more.  (I,)"""
        full = [code for code, count in self._counts.items() if code and count >= self._cap.most]
        if not full:
            return
        is_closed = np.isin(self._cap.codes, full)
        if self._cap.mask is not None:
            is_closed &= self._cap.mask
        mask &= ~is_closed

    def _code(self, item: int) -> int:
        """0 for an item without a cap."""
        mask = self._cap.mask
        return int(self._cap.codes[item]) if mask is None or mask[item] else 0


class _OpenQuota:
    """A quota, and how many of its items are still missing."""

    def __init__(self, quota: Quota, k: int) -> None:
        self.mask = quota.mask
        self.missing = min(quota.least, k)

    def count(self, item: int) -> None:
        if self.missing and self.mask[item]:
            self.missing -= 1


def constrained(pool: CandidatePool, constraints: Constraints) -> list[ScoredItem]:
    """The list under the constraints: boosted and demoted, explored, made diverse, assembled.

    The probability of an explored item is that of standing in its place, given those above it, pins, caps and quotas;
    where the list is made diverse, that of its place in the draw.
    """
    k = pool.context.query.k
    scored, places = _boosted_candidates(pool, constraints)
    n = max(CANDIDATES_PER_SLOT * k, MIN_CANDIDATES)
    if constraints.seed is not None and not constraints.diversity and constraints.limits_draws:
        drawn = explored(scored[:n], places[:n], constraints.seed, pool.context.catalogue)
        shown = Assembly(pool, constraints).assemble([*drawn, *scored[n:]])
        chances = Assembly(pool, constraints).draw_chances(scored[:n], weights_of(places[:n]), _items(shown))
        return [
            each._replace(probability=float(chance[items == each.item].sum()) or None)
            for each, (items, chance) in zip(shown, chances, strict=True)
        ]
    if constraints.seed is not None:
        scored[:n] = explored(scored[:n], places[:n], constraints.seed, pool.context.catalogue)
    if constraints.diversity:
        similarity = similarities(scored[:n], pool.context.engine, pool.context.catalogue)
        scored[:n] = diverse(scored[:n], 2 * k, constraints.diversity, similarity)
    return Assembly(pool, constraints).assemble(scored)


def _boosted_candidates(pool: CandidatePool, constraints: Constraints) -> tuple[list[ScoredItem], list[float]]:
    k = pool.context.query.k
    scored = pool.first(k, constraints.depth(k))
    items = np.array([candidate.item for candidate in scored], np.int32)
    return boosted(scored, constraints.factors(items), constraints.demotions(items, k))


def draw_chances(pool: CandidatePool, constraints: Constraints, shown: Sequence[int]) -> list[tuple[Ints, Doubles]]:
    """By place of an explored list without diversity, the items that may stand there and their probabilities.

    Given the items shown above each.  constraints: with a seed, whose value does not matter.
    """
    n = max(CANDIDATES_PER_SLOT * pool.context.query.k, MIN_CANDIDATES)
    scored, places = _boosted_candidates(pool, constraints)
    return list(Assembly(pool, constraints).draw_chances(scored[:n], weights_of(places[:n]), shown))


def _items(scored: Sequence[ScoredItem]) -> list[int]:
    return [candidate.item for candidate in scored]
