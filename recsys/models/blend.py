"""Several models as one: the best candidates of each, on one scale, added up by weights learnt on held-back weeks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, top_k


@dataclass(frozen=True, slots=True)
class Candidates:
    """Some items, best first, ties by position.  items (N,) int32, scores (N,) float32."""

    items: Ints
    scores: Floats

    def __len__(self) -> int:
        return len(self.items)


NOBODY = Candidates(np.empty(0, np.int32), np.empty(0, np.float32))


def best(scores: Floats, allowed: Bools, k: int) -> Candidates:
    """Up to k allowed items with a score above 0.  (I,), (I,) -> Candidates"""
    found = np.flatnonzero(scores > 0)
    found = found[allowed[found]]
    if len(found) > k:
        found = found[top_k(scores[found], k)]
        return Candidates(found.astype(np.int32), scores[found])
    order = np.lexsort((found, -scores[found]))
    return Candidates(found[order].astype(np.int32), scores[found[order]])


def blended(parts: Sequence[tuple[Candidates, float]], k: int) -> Candidates:
    """The k best by weighted sum; each part's scores are divided by their sum, so that no part shouts louder."""
    useful = [(part, weight) for part, weight in parts if weight > 0 and len(part)]
    if not useful:
        return NOBODY
    items = np.concatenate([part.items for part, _ in useful])
    shares = np.concatenate([shares_of(part.scores) * weight for part, weight in useful])
    union, place = np.unique(items, return_inverse=True)
    total = np.bincount(place, shares).astype(np.float32)
    chosen = top_k(total, k)
    return Candidates(union[chosen], total[chosen])


def shares_of(scores: Floats) -> Doubles:
    """Scores above 0 as parts of their sum.  (N,) -> (N,)"""
    return scores / np.sum(scores, dtype=np.float64)


def learn_weights(
    parts: Mapping[str, Sequence[Candidates]], truth: Sequence[Ints], *, k: int = 10, rounds: int = 3
) -> dict[str, float]:
    """Weights, summing to 1, that give the best mean nDCG@k of the blend over Q customers.

    parts: for each model the candidates of the Q customers.  truth: the items each customer then chose, sorted.
    Climbs one weight after the other over a grid, starting from the best single model, so it is never worse than that.
    """
    names = sorted(parts)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    judged = [q for q, chosen in enumerate(truth) if len(chosen)]
    if not judged:
        return {name: 1.0 / len(names) for name in names}
    table = [_Table.of([parts[name][q] for name in names], truth[q], discount) for q in judged]
    return dict(zip(names, _climb(table, len(names), rounds), strict=True))


@dataclass(frozen=True, slots=True)
class _Table:
    """One customer: share of each of M models for each of N candidates, which were chosen, and the ideal gain."""

    shares: Floats
    is_hit: Bools
    ideal: float
    discount: Doubles

    @classmethod
    def of(cls, parts: Sequence[Candidates], chosen: Ints, discount: Doubles) -> "_Table":
        union = np.unique(np.concatenate([part.items for part in parts]))
        shares = np.zeros((len(parts), len(union)), np.float32)
        for row, part in enumerate(parts):
            if len(part):
                shares[row, np.searchsorted(union, part.items)] = shares_of(part.scores)
        ideal = float(discount[: min(len(discount), len(chosen))].sum())
        return cls(shares, np.isin(union, chosen), ideal, discount)

    def ndcg(self, weights: Floats) -> float:
        order = top_k(weights @ self.shares, len(self.discount))
        hits = self.is_hit[order]
        return float((hits * self.discount[: len(hits)]).sum()) / self.ideal


GRID = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)


def _climb(table: Sequence[_Table], n: int, rounds: int) -> list[float]:
    def value(weights: Floats) -> float:
        return float(np.mean([one.ndcg(weights) for one in table]))

    singles = np.eye(n, dtype=np.float32)
    weights = singles[int(np.argmax([value(single) for single in singles]))]
    reached = value(weights)
    for _ in range(rounds):
        before = reached
        for model in range(n):
            for step in GRID:
                tried = weights.copy()
                tried[model] = step
                if tried.sum() > 0 and (got := value(tried)) > reached:
                    weights, reached = tried, got
        if reached == before:
            break
    return [float(weight) for weight in weights / weights.sum()]
