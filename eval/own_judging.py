"""The lists of two given files judged: means, intervals, and how each stands beside what needs no model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from eval.compare import Comparison, among_all, compare
from eval.exposure import coverage, gini, novelty, shown_times
from eval.intervals import Estimate, intervals
from eval.metrics import HeldBack, judge, mean, score
from eval.own_baselines import BEST_SELLERS, FADING_FREQUENCY, OWN_FREQUENCY, buyers
from eval.replay import Shown
from recsys.arrays import Bools, Doubles, Longs
from recsys.data.histories import Histories

RIVALS = (BEST_SELLERS, OWN_FREQUENCY, FADING_FREQUENCY)  # what every list is compared with, where it is there
HEADLINE_K = 10
NO_MONEY = "revenue_recall"  # such files name no price

Scores = Mapping[str, Doubles]  # by metric and length: (Q,)


@dataclass(frozen=True, slots=True)
class Panel:
    """Q customers of the test file with what was held back.

    is_known, n_had, last_at (Q,): whether the training file has them, with how many events, the last one when, in days
    (NaN for strangers).  is_new (T,): which held-back items the customer does not have there.
    """

    user_ids: Sequence[str]
    held_back: HeldBack
    is_known: Bools
    n_had: Longs
    last_at: Doubles
    is_new: Bools
    n_unknown_items: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What one model showed, and what it took."""

    shown: Shown
    kind: Literal["baseline", "model", "auto"]
    settings: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One list judged.  metrics, shelf by name and k; known: the means without strangers; seconds for all customers."""

    name: str
    kind: Literal["baseline", "model", "auto"]
    settings: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float
    metrics: Mapping[str, Estimate]
    known: Mapping[str, float]
    shelf: Mapping[str, float]
    against: Mapping[str, Comparison]


def headline(ks: Sequence[int]) -> int:
    """The length that verdicts are about: 10 where that is asked for, else the shortest."""
    return HEADLINE_K if HEADLINE_K in ks else ks[0]


def entries_of(
    answered: Mapping[str, Answered], panel: Panel, everybody: Histories, *, ks: Sequence[int], seed: int
) -> list[Entry]:
    """Every list judged, in the order in which they were asked."""
    scores = {name: _scores(one.shown, panel, ks) for name, one in answered.items()}
    columns = [values for by_metric in scores.values() for values in by_metric.values()]
    spread = iter(intervals(np.column_stack(columns), np.random.default_rng(seed)))
    entries = [
        Entry(
            name=name,
            kind=one.kind,
            settings=one.settings,
            fit_seconds=round(one.fit_seconds, 4),
            answer_seconds=round(one.answer_seconds, 4),
            metrics={
                metric: Estimate(mean(values), *map(float, next(spread))) for metric, values in scores[name].items()
            },
            known={metric: mean(values[panel.is_known]) for metric, values in scores[name].items()},
            shelf=_shelf(one.shown, everybody, ks),
            against=_against(name, scores, f"ndcg@{headline(ks)}", seed),
        )
        for name, one in answered.items()
    ]
    return _adjusted(entries)


def _scores(shown: Shown, panel: Panel, ks: Sequence[int]) -> Scores:
    outcome = judge(shown.lists, panel.held_back)
    found = {name: values for k in ks for name, values in score(outcome, k).items()}
    return {name: values for name, values in found.items() if not name.startswith(NO_MONEY)}


def _shelf(shown: Shown, everybody: Histories, ks: Sequence[int]) -> dict[str, float]:
    customers = buyers(everybody).astype(np.int64)
    found: dict[str, float] = {}
    for k in ks:
        times = shown_times(shown.lists, k, len(customers))
        surprise = mean(novelty(shown.lists, k, customers, len(everybody)))
        found |= {f"coverage@{k}": coverage(times), f"gini@{k}": gini(times), f"novelty@{k}": surprise}
    return found


def _against(name: str, scores: Mapping[str, Scores], metric: str, seed: int) -> dict[str, Comparison]:
    """The paired comparison in that metric with every baseline that is there."""
    return {
        rival: compare(scores[name][metric], scores[rival][metric], rng=np.random.default_rng(seed))
        for rival in RIVALS
        if rival in scores and rival != name
    }


def _adjusted(entries: Sequence[Entry]) -> list[Entry]:
    """Every comparison as it stands among those of all models with the same baseline."""
    models = [entry for entry in entries if entry.kind != "baseline"]
    found = dict(zip((entry.name for entry in models), among_all([entry.against for entry in models]), strict=True))
    return [replace(entry, against=found.get(entry.name, entry.against)) for entry in entries]
