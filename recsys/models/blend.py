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


def best(scores: Floats, allowed: Bools, k: int, likely: Ints | None = None) -> Candidates:
    """Up to k allowed items with a score above 0.  (I,), (I,) -> Candidates

    `likely`: items among which good ones are often found; they change how fast the answer comes, not the answer.
    """
    bar = _bar(scores[likely][allowed[likely]], k) if likely is not None else 0.0
    found = (scores >= bar if bar > 0 else scores > 0).nonzero()[0]
    found = found[allowed[found]]
    if len(found) > k:
        found = found[top_k(scores[found], k)]
        return Candidates(found.astype(np.int32), scores[found])
    order = np.lexsort((found, -scores[found]))
    return Candidates(found[order].astype(np.int32), scores[found[order]])


def _bar(some: Floats, k: int) -> float:
    """The k-th best of some scores, which the k-th best of all cannot be below; 0 when they are fewer."""
    return float(np.partition(some, -k)[-k]) if 0 < k <= len(some) else 0.0


def ranked(items: Ints, scores: Floats, k: int) -> Candidates:
    """The k best of a few items by score, ties by position.  (N,), (N,) -> Candidates"""
    if len(items) > 4 * k > 0:
        near = (scores >= np.partition(scores, -k)[-k]).nonzero()[0]
        items, scores = items[near], scores[near]
    order = np.lexsort((items, -scores))[:k]
    return Candidates(items[order], scores[order])


def blended(parts: Sequence[tuple[Candidates, float]], k: int) -> Candidates:
    """The k best by weighted sum; each part's scores are divided by their sum, so that no part shouts louder."""
    useful = [(part, weight) for part, weight in parts if weight > 0 and len(part)]
    if not useful:
        return NOBODY
    total: dict[int, float] = {}
    for part, weight in useful:
        for item, share in zip(part.items.tolist(), (shares_of(part.scores) * weight).tolist(), strict=True):
            total[item] = total.get(item, 0.0) + share
    order = sorted(total.items(), key=lambda one: (-one[1], one[0]))[:k]
    return Candidates(np.array([item for item, _ in order], np.int32), np.array([w for _, w in order], np.float32))


def shares_of(scores: Floats) -> Doubles:
    """Scores above 0 as parts of their sum.  (N,) -> (N,)"""
    return scores / np.sum(scores, dtype=np.float64)


def learn_weights(parts: Mapping[str, Sequence[Candidates]], truth: Sequence[Ints], *, k: int = 10) -> dict[str, float]:
    """Weights, summing to 1, that give the best mean nDCG@k of the blend over Q customers.

    parts: for each model the candidates of the Q customers.  truth: the items each customer then chose, sorted.
    Grows from the best single model, so it is never worse than that; a model that adds little gets no weight.
    Equal weights when nobody chose anything.
    """
    names = sorted(parts)
    judged = [q for q, chosen in enumerate(truth) if len(chosen)]
    if not judged:
        return {name: 1.0 / len(names) for name in names}
    table = _table_of([[parts[name][q] for q in judged] for name in names], [truth[q] for q in judged], k)
    return dict(zip(names, _grow(table, len(names)), strict=True))


@dataclass(frozen=True, slots=True)
class _Table:
    """What M models say of up to N candidates of Q customers, padded with candidates of no share.

    shares (M, Q, N); is_hit (Q, N); ideal (Q,) gain of the best list; discount (K,) of each place.
    """

    shares: Floats
    is_hit: Bools
    ideal: Doubles
    discount: Doubles

    def ndcg(self, weights: Floats) -> float:
        """Mean nDCG@K of the blend with these weights.  (M,) -> number"""
        total = np.tensordot(weights, self.shares, axes=1)
        k = min(len(self.discount), total.shape[1])
        near = np.sort(np.argpartition(-total, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(-np.take_along_axis(total, near, axis=1), axis=1, kind="stable")
        hits = np.take_along_axis(self.is_hit, np.take_along_axis(near, order, axis=1), axis=1)
        return float(np.mean(hits @ self.discount[:k] / self.ideal))


def _table_of(parts: Sequence[Sequence[Candidates]], truth: Sequence[Ints], k: int) -> _Table:
    unions = [np.unique(np.concatenate([part.items for part in column])) for column in zip(*parts, strict=True)]
    width = max(1, *(len(union) for union in unions))
    shares = np.zeros((len(parts), len(truth), width), np.float32)
    is_hit = np.zeros((len(truth), width), bool)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    for q, union in enumerate(unions):
        is_hit[q, : len(union)] = np.isin(union, truth[q])
        for model, column in enumerate(parts):
            if len(column[q]):
                shares[model, q, np.searchsorted(union, column[q].items)] = shares_of(column[q].scores)
    ideal = np.cumsum(discount)[[min(k, len(chosen)) - 1 for chosen in truth]]
    return _Table(shares, is_hit, ideal, discount)


STEPS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)  # weight of one more part against all before it
MIN_GAIN = 1.01  # a part that adds less costs every answer its time and is noise to the next weeks


def _grow(table: _Table, n: int) -> list[float]:
    """Starts from the best single part and adds the one that helps most, as long as it helps by 1 %.  -> (M,)"""
    parts = np.eye(n, dtype=np.float32)
    weights = max(parts, key=table.ndcg)
    reached = table.ndcg(weights)
    while True:
        tried = [weights + step * parts[part] for part in np.flatnonzero(weights == 0) for step in STEPS]
        values = [table.ndcg(one) for one in tried]
        if not values or max(values) < reached * MIN_GAIN:
            return [float(weight) for weight in weights]
        reached = max(values)
        weights = tried[values.index(reached)]
        weights /= weights.sum()
