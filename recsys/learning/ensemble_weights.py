"""How much each model counts in a blend: weights that many halves of the judges agree on, not one lucky sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs
from recsys.learning.validation import LENGTH
from recsys.metrics import ndcg
from recsys.models.blend import shares_of
from recsys.models.candidates import Candidates

STEPS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)  # weight of one more part against all before it
MIN_GAIN = 1.003  # a part that adds less to half of the judges is not added for them
HALVES = 8
MIN_WEIGHT = 0.08  # a part with less in the mean costs every answer its time and is noise to the next weeks


def learn_weights(
    parts: Mapping[str, Sequence[Candidates]], truth: Sequence[Ints], *, k: int = LENGTH
) -> dict[str, float]:
    """Weights, summing to 1, that give a good mean nDCG@k of the blend over Q customers, and over others like them.

    parts: for each model the candidates of the Q customers.  truth: the items each customer then chose, sorted.
    Equal weights when nobody chose anything.
    """
    names = sorted(parts)
    judged = [q for q, chosen in enumerate(truth) if len(chosen)]
    if not judged:
        return {name: 1.0 / len(names) for name in names}
    table = _table_of([[parts[name][q] for q in judged] for name in names], [truth[q] for q in judged], k)
    return dict(zip(names, _agreed(_Quality(table), len(names), np.arange(len(judged))), strict=True))


def learned_apart(parts: Mapping[str, Sequence[Candidates]], truth: Sequence[Ints], *, k: int = LENGTH) -> Doubles:
    """nDCG@k of blends for each customer who chose anything, the weights learnt from the others' half.  (<= Q,)

    What a blend reaches for those who chose its weights is flattered, and the more so the more parts it has.
    """
    names = sorted(parts)
    judged = [q for q, chosen in enumerate(truth) if len(chosen)]
    if len(judged) < 2:
        return np.empty(0)
    table = _table_of([[parts[name][q] for q in judged] for name in names], [truth[q] for q in judged], k)
    quality, order = _Quality(table), np.random.default_rng(1).permutation(len(judged))
    reached = np.empty(len(judged))
    halves = np.array_split(order, 2)
    for learnt_from, asked in (halves, halves[::-1]):
        weights = np.array(_agreed(quality, len(names), learnt_from))
        reached[asked] = quality.of(weights)[asked]
    return reached


def _agreed(quality: "_Quality", n: int, judges: Longs) -> list[float]:
    """The mean of what many halves of the judges choose, less what hardly counts in it.  -> (M,)"""
    # Caruana et al. 2004, section 2.3: chosen once from all, weights fit the noise of the judges; bagged, they do not.
    rng = np.random.default_rng(0)
    halves = [rng.permutation(judges)[: max(1, len(judges) // 2)] for _ in range(HALVES)]
    mean = np.mean([_grown(quality, half, n) for half in halves], axis=0)
    mean[mean < min(MIN_WEIGHT, mean.max())] = 0
    weights: list[float] = (mean / mean.sum()).tolist()
    return weights


def _grown(quality: "_Quality", judges: Longs, n: int) -> Doubles:
    """Starts from the best single part and adds the one that helps these judges most, as long as it helps.  -> (M,)"""
    parts = np.eye(n)
    weights = max(parts, key=lambda one: quality.mean(one, judges))
    while True:
        tried = [weights + step * parts[part] for part in np.flatnonzero(weights == 0) for step in STEPS]
        tried = [one / one.sum() for one in tried]
        best = max(tried, key=lambda one: quality.mean(one, judges), default=weights)
        if quality.mean(best, judges) < quality.mean(weights, judges) * MIN_GAIN or best is weights:
            return weights
        weights = best


@dataclass(frozen=True, slots=True)
class _Table:
    """What M models say of up to N candidates of Q customers, padded with candidates of no share.

    shares (M, Q, N); is_hit (Q, N); n_relevant (Q,): how many items each customer chose; k: places that count.
    """

    shares: Floats
    is_hit: Bools
    n_relevant: Longs
    k: int

    def ndcg(self, weights: Doubles) -> Doubles:
        """nDCG@K of the blend with these weights for each customer.  (M,) -> (Q,)"""
        total = np.tensordot(weights.astype(np.float32), self.shares, axes=1)
        k = min(self.k, total.shape[1])
        near = np.sort(np.argpartition(-total, k - 1, axis=1)[:, :k], axis=1)
        share = np.take_along_axis(total, near, axis=1)
        hits = np.take_along_axis(self.is_hit, near, axis=1) & (share > 0)  # without a share it is not in the list
        hits = np.take_along_axis(hits, np.argsort(-share, axis=1, kind="stable"), axis=1)
        return ndcg(hits, self.n_relevant, self.k)


@dataclass(frozen=True, slots=True)
class _Quality:
    """What blends reach, each worked out once: the halves ask for the same ones."""

    table: _Table
    known: dict[bytes, Doubles] = field(default_factory=dict)

    def of(self, weights: Doubles) -> Doubles:
        key = np.round(weights, 9).tobytes()
        if key not in self.known:
            self.known[key] = self.table.ndcg(weights)
        return self.known[key]

    def mean(self, weights: Doubles, judges: Longs) -> float:
        return float(self.of(weights)[judges].mean())


def _table_of(parts: Sequence[Sequence[Candidates]], truth: Sequence[Ints], k: int) -> _Table:
    unions = [np.unique(np.concatenate([part.items for part in column])) for column in zip(*parts, strict=True)]
    width = max(1, *(len(union) for union in unions))
    shares = np.zeros((len(parts), len(truth), width), np.float32)
    is_hit = np.zeros((len(truth), width), bool)
    for q, union in enumerate(unions):
        is_hit[q, : len(union)] = np.isin(union, truth[q])
        for model, column in enumerate(parts):
            if len(column[q]):
                shares[model, q, np.searchsorted(union, column[q].items)] = shares_of(column[q].scores)
    return _Table(shares, is_hit, np.array([len(chosen) for chosen in truth]), k)
