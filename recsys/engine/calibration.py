"""Probability calibration by isotonic regression: from scores to purchase probabilities, so that lists can be merged.

A curve is learned on held-back weeks.  Two lists of different models are merged by probability, or interleaved.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import repeat
from operator import itemgetter

import numpy as np

from recsys import kernels
from recsys.arrays import AnyArray, Bools, Doubles, Floats, Longs
from recsys.bundle.array_spec import ArraySpec, below
from recsys.models.candidates import Candidates

MergedItem = tuple[int, float, int]  # item, score, and the number of the list it comes from
_by_probability = itemgetter(0)

SIZE_POWERS = (0.0, 0.125, 0.25, 0.5, 1.0)  # tried for how much more somebody buys whose history is longer
UPPER_QUANTILE = 0.97  # of the curve's bins; each bin stands for as many examples
MIN_EXAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising curve: score `scores[i]` means probability `probabilities[i]`; linear in between, flat outside.

    size_power: a score counts times the number of events of its customer to this power.  Shares of a list say which
    item, but not how much that customer buys.
    upper: a probability that hardly any candidate exceeds; higher ones rest on a few lucky examples.
    """

    scores: Doubles
    probabilities: Doubles
    size_power: float = 0.0
    upper: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        upper = float(self.probabilities[int(UPPER_QUANTILE * (len(self.probabilities) - 1))])
        object.__setattr__(self, "upper", upper)

    def apply(self, scores: Floats, n_events: int) -> Doubles:
        """Of one customer with a history of so many events.  (N,) -> (N,), in [0, 1]"""
        if self.size_power and n_events > 1:
            scores = scores * n_events**self.size_power
        if kernels.compiled is not None:
            return kernels.compiled.interpolated(scores, self.scores, self.probabilities)
        return np.interp(scores, self.scores, self.probabilities)


def calibration_arrays(calibrations: Mapping[str, Calibration]) -> dict[str, AnyArray]:
    """The curves of all sources, for a bundle."""
    arrays: dict[str, AnyArray] = {}
    for source, curve in calibrations.items():
        arrays |= {f"{source}/scores": curve.scores, f"{source}/chances": curve.probabilities}
        arrays[f"{source}/size_power"] = np.array(curve.size_power)
    return arrays


def calibration_specs(names: Collection[str]) -> dict[str, ArraySpec]:
    """What each array of a bundle must be, for all sources among these names."""
    curve = {
        "scores": ArraySpec("B", "float64", order="rising"),
        "chances": ArraySpec("B", "float64", low=0, high=1 + 1e-3, order="rising"),
        "size_power": ArraySpec(low=0, high=2, is_optional=True),
    }
    sources = sorted({name.rpartition("/")[0] for name in names})
    return {name: spec for source in sources for name, spec in below(f"{source}/", curve).items()}


def read_calibrations(arrays: Mapping[str, AnyArray]) -> dict[str, Calibration]:
    """The curves from the arrays of a bundle, by source."""
    sources = sorted({name.rpartition("/")[0] for name in arrays})
    return {
        source: Calibration(
            arrays[f"{source}/scores"],
            arrays[f"{source}/chances"],
            float(arrays.get(f"{source}/size_power", np.zeros(()))),
        )
        for source in sources
    }


def fit_calibration(scores: Floats, n_events: Longs, was_bought: Bools) -> Calibration | None:
    """The likeliest of the curves of all `SIZE_POWERS`; None below 1,000 examples.  (N,), (N,), (N,) -> Calibration

    n_events: of the customer of each score.
    """
    if len(scores) < MIN_EXAMPLES:
        return None
    best, likelihood = None, -np.inf
    for power in SIZE_POWERS:
        scaled = scores * np.maximum(n_events, 1) ** power
        curve = replace(_fit_curve(scaled, was_bought), size_power=power)
        chance = np.interp(scaled, curve.scores, curve.probabilities).clip(1e-6, 1 - 1e-6)
        log_likelihood = float(np.log(np.where(was_bought, chance, 1 - chance)).sum())
        if log_likelihood > likelihood:
            best, likelihood = curve, log_likelihood
    return best


def _fit_curve(scores: Floats | Doubles, was_bought: Bools, bins: int = 200) -> Calibration:
    """The curve through the share bought in bins of equal size (isotonic regression).  (N,), (N,) -> Calibration

    Zadrozny & Elkan 2002: calibrated by pair-adjacent violators.
    """
    from scipy.optimize import isotonic_regression  # a server does not load it

    order = np.argsort(scores, kind="stable")
    groups = np.array_split(order, bins)
    means = np.array([np.mean(scores[group], dtype=np.float64) for group in groups])
    mean_score = np.maximum.accumulate(means)  # means of equal scores differ by rounding
    share = np.array([float(np.mean(was_bought[group])) for group in groups])
    rising = isotonic_regression(share, weights=[len(group) for group in groups]).x
    # A tiny slope keeps the order of scores inside a flat stretch.
    return Calibration(mean_score, rising + np.arange(bins) * 1e-9)


def merged_by_probability(lists: Sequence[Candidates], probabilities: Sequence[Doubles]) -> list[MergedItem]:
    """One list of all candidates by probability; an item of two lists keeps the first.

    Where probabilities are equal the earlier list comes first, and each list keeps its order.
    """
    filled = [at for at, candidates in enumerate(lists) if len(candidates)]
    if len(filled) == 1:  # in its own order
        (at,) = filled
        return list(zip(lists[at].items.tolist(), probabilities[at].astype(np.float32).tolist(), repeat(at)))
    # A few items on every request: Python lists are faster here than arrays.
    merged: list[tuple[float, MergedItem]] = []
    taken: set[int] = set()
    for at, candidates in enumerate(lists):
        scores = probabilities[at].astype(np.float32).tolist()
        rows = zip(candidates.items.tolist(), scores, probabilities[at].tolist(), strict=True)
        new = [(probability, (item, score, at)) for item, score, probability in rows if item not in taken]
        taken.update(item for _, (item, _, _) in new)
        merged += new
    merged.sort(key=_by_probability, reverse=True)  # a stable sort: equal ones keep their order
    return [item for _, item in merged]


def interleaved(lists: Sequence[Candidates], share_of_first: float) -> list[MergedItem]:
    """Two lists as one: the first gets that share of every stretch of the list.  For shops too young for a curve."""
    share = min(max(share_of_first, 1e-6), 1 - 1e-6)
    slots = [
        ((rank + 0.5) / (share, 1 - share)[at], at, item)
        for at, candidates in enumerate(lists)
        for rank, item in enumerate(candidates.items.tolist())
    ]
    list_by_item: dict[int, int] = {}
    for _, at, item in sorted(slots):
        list_by_item.setdefault(item, at)
    scores = _reciprocal_ranks(len(list_by_item))
    return [(item, score, at) for (item, at), score in zip(list_by_item.items(), scores, strict=True)]


@lru_cache(256)
def _reciprocal_ranks(n: int) -> Sequence[float]:
    """1, 1/2, 1/3, … as float32 holds them.  (n,)"""
    return tuple((1.0 / (1.0 + np.arange(n))).astype(np.float32).tolist())
