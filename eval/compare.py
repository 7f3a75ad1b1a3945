"""Which of two models is better for the same customers, and how sure that is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from recsys.arrays import Doubles
from recsys.errors import BadInput, NotEnoughData

MIN_RESAMPLES = 1_000
MIN_CUSTOMERS = 30  # below, the spread between customers is a guess, and so is any interval made from it
_BLOCK = 4_000_000  # draws at once: some 50 MB

Verdict = Literal["better", "worse", "level", "too few"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger against champion in one metric: means over the same customers, their difference, its 95 % interval."""

    challenger: float
    champion: float
    low: float
    high: float
    n_customers: int

    @property
    def difference(self) -> float:
        """Challenger minus champion: above 0 the challenger is ahead."""
        return self.challenger - self.champion

    @property
    def verdict(self) -> Verdict:
        """Better or worse only where the whole interval is on that side of 0."""
        if self.n_customers < MIN_CUSTOMERS:
            return "too few"
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "level"

    def sentence(self, challenger: str, champion: str, metric: str) -> str:
        """The verdict for a person: als is better than popularity in ndcg@10: 0.412 against 0.398, …"""
        words = {
            "better": f"{challenger} is better than {champion}",
            "worse": f"{challenger} is worse than {champion}",
            "level": f"{challenger} and {champion} cannot be told apart",
            "too few": f"too few customers to tell {challenger} from {champion}",
        }[self.verdict]
        return (
            f"{words} in {metric}: {self.challenger:.4f} against {self.champion:.4f}, {self.difference:+.4f} "
            f"(95 % interval {self.low:+.4f} to {self.high:+.4f}, {self.n_customers:,} customers)"
        )


def compare(challenger: Doubles, champion: Doubles, *, rng: Generator, n_resamples: int = 2_000) -> Comparison:
    """Paired bootstrap over Q customers.  Both (Q,): their scores in the same order, NaN where not judged.

    Raises BadInput when the two do not pair up, NotEnoughData when nobody was judged.
    """
    if n_resamples < MIN_RESAMPLES:
        raise BadInput(f"{n_resamples} resamples; the ends of a 95 % interval need {MIN_RESAMPLES:,} or more")
    judged = ~np.isnan(challenger)
    if challenger.shape != champion.shape or not np.array_equal(judged, ~np.isnan(champion)):
        raise BadInput("the two were judged on different customers; give both scores of the same ones")
    if not judged.any():
        raise NotEnoughData("nobody bought anything in the time held back; take a longer one")
    ours, theirs = challenger[judged], champion[judged]
    low, high = np.quantile(_resampled_means(ours - theirs, rng, n_resamples), (0.025, 0.975))
    return Comparison(float(ours.mean()), float(theirs.mean()), float(low), float(high), len(ours))


def _resampled_means(differences: Doubles, rng: Generator, n: int) -> Doubles:
    """Means of n samples of Q customers drawn with replacement: (n,).  Efron & Tibshirani 1993, algorithm 6.1."""
    size = len(differences)
    rows = max(1, _BLOCK // size)
    blocks = (rng.integers(0, size, (min(rows, n - done), size), np.int32) for done in range(0, n, rows))
    return np.concatenate([differences[drawn].mean(axis=1) for drawn in blocks])
