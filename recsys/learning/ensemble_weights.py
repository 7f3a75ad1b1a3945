"""Ensemble selection: one model alone, or the weights of a blend, bagged over many halves of validation users."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from recsys.arrays import Bools, Doubles, Floats, Ints, Longs, is_in_sorted
from recsys.learning.validation import LIST_LENGTH, is_better, list_ndcg
from recsys.metrics import ndcg
from recsys.models.candidates import Candidates, normalized

STEPS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)  # weight of one more model against all before it
MIN_GAIN = 1.003  # a model that adds less for a half of the users is not added for them
N_HALVES = 8
MIN_OPTIONAL_GAIN = 0.001  # that optional models have to add together: each of them costs time on every request
STANDARD_ERRORS = 1.0  # of a paired difference, beyond which a blend replaces one model
MIN_WEIGHT = 0.08  # a model with a lower mean weight costs time on every request and is noise in the next weeks

Choice = TypeVar("Choice", str, float)


@dataclass(frozen=True, slots=True)
class BlendChoice:
    """weights: of every model looked at, summing to 1; a single model has all of it.

    ndcg (Q,): of that choice, for each user with relevant items.  alone: the same of each model alone.
    gain: by which share the best choice with optional models is better than the best without; required: by which
    share it has to be; is_enough: whether it is, and beyond noise.
    finalists: models of the single and the blended list, without and with optional ones, that this choice is between.
    """

    weights: Mapping[str, float]
    ndcg: Doubles
    alone: Mapping[str, Doubles]
    gain: float
    required: float
    is_enough: bool
    finalists: frozenset[str] = frozenset()

    @property
    def in_question(self) -> frozenset[str]:
        """The finalists, and every model whose own list is not worse than the chosen one beyond noise."""
        return self.finalists | {name for name, alone in self.alone.items() if not is_better(self.ndcg, alone)}


def choose_blend(
    lists: Mapping[str, Sequence[Candidates]],
    optional: Collection[str],
    relevant: Sequence[Ints],
    *,
    min_gain: float = MIN_OPTIONAL_GAIN,
    standard_errors: float = STANDARD_ERRORS,
) -> BlendChoice:
    """The best single model, unless a blend is better beyond noise; the same again with the optional models.

    The optional ones are used only where they make the list better by that share, and beyond noise.
    """
    alone = {name: list_ndcg(lists[name], relevant) for name in lists}
    own = {name: lists[name] for name in lists if name not in optional}
    weights, quality, finalists = _single_or_blend(own, alone, relevant)
    weights = dict.fromkeys(lists, 0.0) | weights
    if len(own) == len(lists) or not len(quality):
        return BlendChoice(weights, quality, alone, 0.0, min_gain, is_enough=False, finalists=finalists)
    wider_weights, wider, wider_finalists = _single_or_blend(lists, alone, relevant)
    finalists |= wider_finalists
    honest = cross_fitted_single(alone) if max(wider_weights.values()) == 1 else wider
    gain = float(honest.mean() / quality.mean() - 1) if quality.mean() > 0 else 0.0
    if is_better(honest, quality, min_gain=min_gain, standard_errors=standard_errors):
        return BlendChoice(wider_weights, wider, alone, gain, min_gain, is_enough=True, finalists=finalists)
    return BlendChoice(weights, quality, alone, gain, min_gain, is_enough=False, finalists=finalists)


def _single_or_blend(
    lists: Mapping[str, Sequence[Candidates]], alone: Mapping[str, Doubles], relevant: Sequence[Ints]
) -> tuple[dict[str, float], Doubles, frozenset[str]]:
    """Weights, the nDCG of each user with relevant items, and the models of both lists."""
    blended, quality = fit_weights(lists, relevant), cross_fitted_ndcg(lists, relevant)
    if not len(quality):
        return blended, quality, frozenset()
    best = max(sorted(lists), key=lambda name: float(alone[name].mean()))
    finalists = frozenset([best, *(name for name, weight in blended.items() if weight)])
    if is_better(quality, alone[best], standard_errors=STANDARD_ERRORS):
        return blended, quality, finalists
    return dict.fromkeys(sorted(lists), 0.0) | {best: 1.0}, alone[best], finalists


def cross_fitted_single(alone: Mapping[Choice, Doubles]) -> Doubles:
    """nDCG of each user by the choice that was best for the other half: the best of many looks too good itself."""
    quality = np.empty(len(next(iter(alone.values()))))
    for chosen_by, others in _two_halves(len(quality)):
        best = max(sorted(alone), key=lambda choice: float(alone[choice][chosen_by].mean()))
        quality[others] = alone[best][others]
    return quality


def _two_halves(n_users: int) -> tuple[tuple[Longs, Longs], tuple[Longs, Longs]]:
    """Each half of the users, and the other one."""
    first, second = np.array_split(np.random.default_rng(1).permutation(n_users), 2)
    return (first, second), (second, first)


def fit_weights(
    lists: Mapping[str, Sequence[Candidates]], relevant: Sequence[Ints], *, k: int = LIST_LENGTH
) -> dict[str, float]:
    """Weights, summing to 1, with a good mean nDCG@k of the blend for Q users, and for other users like them.

    lists: for each model the candidates of the Q users.  relevant: the items each user then chose, sorted.
    Equal weights when nobody chose anything.
    """
    blends = _build_blends(lists, relevant, k)
    n_users = len(blends.n_relevant)
    weights = _bagged(blends, np.arange(n_users)) if n_users else [1.0 / len(lists) for _ in lists]
    return dict(zip(sorted(lists), weights, strict=True))


def cross_fitted_ndcg(lists: Mapping[str, Sequence[Candidates]], relevant: Sequence[Ints]) -> Doubles:
    """nDCG@10 of blends for each user with relevant items, with weights learned from the other half.  (<= Q,)

    The nDCG of a blend for the users who chose its weights is too high, and the more so the more models it has.
    """
    blends = _build_blends(lists, relevant, LIST_LENGTH)
    n_users = len(blends.n_relevant)
    if n_users < 2:
        return np.empty(0)
    quality = np.empty(n_users)
    for learned_from, others in _two_halves(n_users):
        quality[others] = blends.ndcg(np.array(_bagged(blends, learned_from)))[others]
    return quality


def _bagged(blends: "_Blends", users: Longs) -> list[float]:
    """The mean of the weights that many halves of the users choose, without models of hardly any weight.  -> (M,)"""
    # Caruana et al. 2004, section 2.3: weights chosen once from all users fit their noise; bagged weights do not.
    rng = np.random.default_rng(0)
    halves = [rng.permutation(users)[: max(1, len(users) // 2)] for _ in range(N_HALVES)]
    mean = np.mean([_forward_selection(blends, half) for half in halves], axis=0)
    mean[mean < min(MIN_WEIGHT, mean.max())] = 0
    weights: list[float] = (mean / mean.sum()).tolist()
    return weights


def _forward_selection(blends: "_Blends", users: Longs) -> Doubles:
    """Starts with the best single model and adds the one that helps these users most, as long as it helps.  -> (M,)"""
    single = np.eye(len(blends.shares))
    weights = max(single, key=lambda blend: blends.mean(blend, users))
    while True:
        wider = [weights + step * single[model] for model in np.flatnonzero(weights == 0) for step in STEPS]
        wider = [blend / blend.sum() for blend in wider]
        best = max(wider, key=lambda blend: blends.mean(blend, users), default=weights)
        if blends.mean(best, users) < blends.mean(weights, users) * MIN_GAIN or best is weights:
            return weights
        weights = best


@dataclass(frozen=True, slots=True)
class _Blends:
    """Candidates of M models for Q users, up to N each, and the nDCG of their blends.  Padding has no share.

    shares (M, Q, N); is_hit (Q, N); n_relevant (Q,): how many items each user chose; k: places that count.
    known: nDCG of each blend computed so far, by weights; the halves ask for the same ones.
    """

    shares: Floats
    is_hit: Bools
    n_relevant: Longs
    k: int
    known: dict[bytes, Doubles] = field(default_factory=dict)

    def mean(self, weights: Doubles, users: Longs) -> float:
        return float(self.ndcg(weights)[users].mean())

    def ndcg(self, weights: Doubles) -> Doubles:
        """nDCG@k of the blend with these weights for each user.  (M,) -> (Q,)"""
        key = np.round(weights, 9).tobytes()
        if key not in self.known:
            self.known[key] = self._ndcg(weights)
        return self.known[key]

    def _ndcg(self, weights: Doubles) -> Doubles:
        total = np.tensordot(weights.astype(np.float32), self.shares, axes=1)
        k = min(self.k, total.shape[1])
        near = np.sort(np.argpartition(-total, k - 1, axis=1)[:, :k], axis=1)
        share = np.take_along_axis(total, near, axis=1)
        hits = np.take_along_axis(self.is_hit, near, axis=1) & (share > 0)  # without a share it is not in the list
        hits = np.take_along_axis(hits, np.argsort(-share, axis=1, kind="stable"), axis=1)
        return ndcg(hits, self.n_relevant, self.k)


def _build_blends(lists: Mapping[str, Sequence[Candidates]], relevant: Sequence[Ints], k: int) -> _Blends:
    """Of the models in the order of their names, for the users with relevant items."""
    users = [user for user, items in enumerate(relevant) if len(items)]
    rows = [[lists[name][user] for name in sorted(lists)] for user in users]
    unions = [np.unique(np.concatenate([part.items for part in row])) for row in rows]
    width = max([1, *map(len, unions)])
    shares = np.zeros((len(lists), len(users), width), np.float32)
    is_hit = np.zeros((len(users), width), bool)
    for at, (row, union, user) in enumerate(zip(rows, unions, users, strict=True)):
        is_hit[at, : len(union)] = is_in_sorted(union, relevant[user])
        for model, part in enumerate(row):
            if len(part):
                shares[model, at, np.searchsorted(union, part.items)] = normalized(part.scores)
    return _Blends(shares, is_hit, np.array([len(relevant[user]) for user in users]), k)
