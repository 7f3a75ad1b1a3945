"""The lists of two given files judged: means, intervals, and how each stands beside what needs no model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from eval.files.baselines import BEST_SELLERS, FADING_FREQUENCY, OWN_FREQUENCY, buyers
from eval.metrics.accuracy import HeldBack, match, mean, score
from eval.metrics.beyond_accuracy import coverage, gini, novelty, shown_times
from eval.replay import ReplayedLists
from eval.stats.intervals import Estimate, intervals
from eval.stats.paired import Comparison, among_all, compare_all
from recsys.arrays import Bools, Doubles, Longs
from recsys.data.dataset.histories import Histories

RIVALS = (BEST_SELLERS, OWN_FREQUENCY, FADING_FREQUENCY)  # what every list is compared with, where it is there
HEADLINE_K = 10
NO_MONEY = "revenue_recall"  # such files name no price
FOUND = "found"  # how many of a list were taken: a mean over all customers, in every part
GROUP_METRICS = (FOUND, "ndcg", "precision", "recall", "hit")

FileScores = Mapping[str, Doubles]  # by metric and length: (Q,)


@dataclass(frozen=True, slots=True)
class FileUsers:
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
class FileLists:
    """What one model showed, and what it took.  resolved: the settings it really has, see `own_settings`."""

    shown: ReplayedLists
    kind: Literal["baseline", "model", "auto"]
    settings: Mapping[str, Any]
    resolved: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float


@dataclass(frozen=True, slots=True)
class Part:
    """One list judged by some of what was held back, or for some of the customers.

    n_customers: those with something of that held back; all means are over them, but that of `found` over all.
    """

    n_customers: int
    metrics: Mapping[str, Estimate]
    against: Mapping[str, Comparison]


@dataclass(frozen=True, slots=True)
class FileGroup:
    """One list for customers who have something in common.  family: what they are parted by."""

    family: str
    name: str
    part: Part


@dataclass(frozen=True, slots=True)
class Entry:
    """One list judged.  metrics, shelf by name and k; known: the means without strangers; seconds for all customers.

    parts: the same list judged by `repeat`, what each has in the training file, and by `new`, all else; none where what
    they have is hidden.
    """

    name: str
    kind: Literal["baseline", "model", "auto"]
    settings: Mapping[str, Any]
    resolved: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float
    metrics: Mapping[str, Estimate]
    known: Mapping[str, float]
    shelf: Mapping[str, float]
    against: Mapping[str, Comparison]
    parts: Mapping[str, Part]
    groups: Sequence[FileGroup]


@dataclass(frozen=True, slots=True)
class FileScorer:
    """What all are judged by: the lengths, the seed, who is no baseline, and the groups: family, name, members (Q,)."""

    ks: Sequence[int]
    seed: int
    models: Collection[str]
    groups: Sequence[tuple[str, str, Bools]]
    has_parts: bool

    @property
    def ndcg(self) -> str:
        """What verdicts are about."""
        return f"ndcg@{headline(self.ks)}"


def headline(ks: Sequence[int]) -> int:
    """The length that verdicts are about: 10 where that is asked for, else the shortest."""
    return HEADLINE_K if HEADLINE_K in ks else ks[0]


def entries_of(
    answered: Mapping[str, FileLists], panel: FileUsers, everybody: Histories, court: FileScorer
) -> list[Entry]:
    """Every list judged, in the order in which they were asked."""
    scores = _scores(answered, panel.held_back, court.ks)
    whole, parts, groups = _judged(scores, RIVALS, court), _parts(answered, panel, court), _groups(scores, court)
    return [
        Entry(
            name=name,
            kind=one.kind,
            settings=one.settings,
            resolved=one.resolved,
            fit_seconds=round(one.fit_seconds, 4),
            answer_seconds=round(one.answer_seconds, 4),
            metrics=whole[name].metrics,
            known={metric: mean(values[panel.is_known]) for metric, values in scores[name].items()},
            shelf=_shelf(one.shown, everybody, court.ks),
            against=whole[name].against,
            parts={task: part[name] for task, part in parts.items()},
            groups=groups[name],
        )
        for name, one in answered.items()
    ]


def _parts(answered: Mapping[str, FileLists], panel: FileUsers, court: FileScorer) -> dict[str, dict[str, Part]]:
    """Every list by what was taken again and by what was new; what nobody took is left out."""
    wanted = {"repeat": ~panel.is_new, "new": panel.is_new} if court.has_parts else {}
    return {
        task: _judged(_scores(answered, panel.held_back.only(some), court.ks), RIVALS, court)
        for task, some in wanted.items()
        if some.any()
    }


def _groups(scores: Mapping[str, FileScores], court: FileScorer) -> dict[str, list[FileGroup]]:
    """Every list for every group, compared with the best-sellers among all groups of that list."""
    metrics = [f"{metric}@{headline(court.ks)}" for metric in GROUP_METRICS]
    found: dict[str, list[FileGroup]] = {name: [] for name in scores}
    for family, title, members in court.groups:
        of_group = {name: {metric: own[metric][members] for metric in metrics} for name, own in scores.items()}
        for name, part in _judged(of_group, RIVALS[:1], court).items():
            found[name].append(FileGroup(family, title, part))
    return {name: _among_groups(groups) for name, groups in found.items()}


def _among_groups(groups: Sequence[FileGroup]) -> list[FileGroup]:
    found = among_all([group.part.against for group in groups])
    return [
        replace(group, part=replace(group.part, against=against)) for group, against in zip(groups, found, strict=True)
    ]


def _judged(scores: Mapping[str, FileScores], rivals: Sequence[str], court: FileScorer) -> dict[str, Part]:
    """Every list by those scores, compared among all models with each rival that is there."""
    columns = [values for by_metric in scores.values() for values in by_metric.values()]
    spread = iter(intervals(np.column_stack(columns), np.random.default_rng(court.seed)))
    pairs = [(name, rival) for name in scores for rival in rivals if rival in scores and rival != name]
    ndcg = {name: by_metric[court.ndcg] for name, by_metric in scores.items()}
    rng = np.random.default_rng(court.seed)
    told = dict(zip(pairs, compare_all([(ndcg[name], ndcg[rival]) for name, rival in pairs], rng=rng), strict=True))
    found = {}
    for name, by_metric in scores.items():
        metrics = {metric: Estimate(mean(values), *map(float, next(spread))) for metric, values in by_metric.items()}
        against = {rival: one for (whose, rival), one in told.items() if whose == name}
        found[name] = Part(int(np.count_nonzero(~np.isnan(ndcg[name]))), metrics, against)
    models = [name for name in found if name in court.models]
    adjusted = among_all([found[name].against for name in models])
    return found | {n: replace(found[n], against=against) for n, against in zip(models, adjusted, strict=True)}


def _scores(answered: Mapping[str, FileLists], held_back: HeldBack, ks: Sequence[int]) -> dict[str, FileScores]:
    return {name: _scores_of(one.shown, held_back, ks) for name, one in answered.items()}


def _scores_of(shown: ReplayedLists, held_back: HeldBack, ks: Sequence[int]) -> FileScores:
    outcome = match(shown.lists, held_back)
    found = {name: values for k in ks for name, values in score(outcome, k).items() if not name.startswith(NO_MONEY)}
    return found | {f"{FOUND}@{k}": outcome.hit[:, :k].sum(axis=1).astype(np.float64) for k in ks}


def _shelf(shown: ReplayedLists, everybody: Histories, ks: Sequence[int]) -> dict[str, float]:
    customers = buyers(everybody).astype(np.int64)
    found: dict[str, float] = {}
    for k in ks:
        times = shown_times(shown.lists, k, len(customers))
        surprise = mean(novelty(shown.lists, k, customers, len(everybody)))
        found |= {f"coverage@{k}": coverage(times), f"gini@{k}": gini(times), f"novelty@{k}": surprise}
    return found
