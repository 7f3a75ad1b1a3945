"""Paired comparison of two lists for the same customers: difference, interval, p-value and verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.random import Generator

from eval.stats.bootstrap import RESAMPLES, resampled_means, summarize
from recsys.arrays import Doubles
from recsys.errors import BadInput, NotEnoughData

MIN_CUSTOMERS = 30  # with fewer, the spread between customers is a guess, and so is any interval
LUCK = 0.05  # a difference counts where luck alone makes one as large less often than this

ComparisonVerdict = Literal["better", "worse", "level", "too few"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger against champion in one metric: means over the same customers, their difference, its 95 % interval.

    p: how likely luck alone makes such a difference (two-sided).  p_holm: the same when several are compared at once.
    NaN where that was not computed: then the interval alone decides.
    """

    challenger: float
    champion: float
    low: float
    high: float
    n_customers: int
    p: float = math.nan
    p_holm: float = math.nan

    @property
    def difference(self) -> float:
        """Challenger minus champion: above 0 the challenger is ahead."""
        return self.challenger - self.champion

    @property
    def verdict(self) -> ComparisonVerdict:
        """Better or worse only where the whole interval is on that side of 0, and still is among all compared."""
        return verdict_of((self.low, self.high), self.p_holm, self.n_customers)

    @property
    def words(self) -> str:
        """The verdict in a few words: better by 4-8 %, worse by 1-3 %, cannot tell, too few customers to tell."""
        if self.verdict in ("level", "too few"):
            return "cannot tell" if self.verdict == "level" else "too few customers to tell"
        least, most = sorted((abs(self.low), abs(self.high)))
        if not self.champion > 0:  # nothing to be a share of
            return f"{self.verdict} by {least:.3f}-{most:.3f}"
        most = most if self.verdict == "better" else min(most, self.champion)  # nothing is worse by more than all
        return f"{self.verdict} by {_percent(least / self.champion, most / self.champion)} %"

    def outcome(self) -> dict[str, float | str]:
        """Difference, verdict and words, for a file of results."""
        return {"difference": self.difference, "verdict": self.verdict, "words": self.words}


def verdict_of(interval: tuple[float, float], p_holm: float, n_customers: int) -> ComparisonVerdict:
    """Of a difference: better or worse where its interval leaves 0 out, luck is unlikely, and customers are enough."""
    if n_customers < MIN_CUSTOMERS:
        return "too few"
    if p_holm > LUCK:
        return "level"
    low, high = interval
    if low > 0:
        return "better"
    return "worse" if high < 0 else "level"


def compare(challenger: Doubles, champion: Doubles, *, rng: Generator, n_resamples: int = RESAMPLES) -> Comparison:
    """Paired bootstrap over Q customers.  Both (Q,): their scores in the same order, NaN where not judged.

    Raises BadInput for too few resamples or when the two do not pair up, NotEnoughData when nobody was judged.
    """
    judged = ~np.isnan(challenger)
    if challenger.shape != champion.shape or not np.array_equal(judged, ~np.isnan(champion)):
        raise BadInput("the two were judged on different customers; give both scores of the same ones")
    if not judged.any():
        raise NotEnoughData("nobody bought anything in the time held back; take a longer one")
    ours, theirs = challenger[judged], champion[judged]
    differences = ours - theirs
    drawn = resampled_means(differences[:, None], np.ones((len(ours), 1)), rng, n_resamples)
    (spread,) = summarize(differences.mean(keepdims=True), drawn, len(ours))
    return Comparison(float(ours.mean()), float(theirs.mean()), spread.low, spread.high, len(ours), spread.p, spread.p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: the smallest times their number, the next times one less, and so on, never falling.

    If all at or below a level are believed, any of them is wrong at most that often.  Holm 1979, section 3.
    NaN was not computed: it stays NaN and does not count.
    """
    known = [at for at, p in enumerate(p_values) if not math.isnan(p)]
    adjusted, highest = [math.nan] * len(p_values), 0.0
    for rank, at in enumerate(sorted(known, key=lambda at: p_values[at])):
        highest = max(highest, min(1.0, p_values[at] * (len(known) - rank)))
        adjusted[at] = highest
    return adjusted


def adjust_by_baseline(against: Sequence[Mapping[str, Comparison]]) -> list[dict[str, Comparison]]:
    """The comparisons of each list by baseline, with p_holm among those of all lists with the same baseline."""
    adjusted = [dict(comparisons) for comparisons in against]
    for baseline in {baseline for comparisons in adjusted for baseline in comparisons}:
        holders = [comparisons for comparisons in adjusted if baseline in comparisons]
        for comparisons, p in zip(holders, holm([c[baseline].p for c in holders]), strict=True):
            comparisons[baseline] = replace(comparisons[baseline], p_holm=p)
    return adjusted


def _percent(least: float, most: float) -> str:
    """4-8, or 0.4-0.8 where whole numbers say nothing."""
    digits = 0 if least >= 0.01 else 1
    low, high = f"{least * 100:.{digits}f}", f"{most * 100:.{digits}f}"
    return low if low == high else f"{low}-{high}"
