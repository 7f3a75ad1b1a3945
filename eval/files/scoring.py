"""Scoring of an evaluation of files: every list to its figures, its parts, its groups and its comparisons."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.files.segments import FileSegment
from eval.files.users import FileUsers
from eval.metrics.accuracy import HeldBack, match, mean, score
from eval.metrics.beyond_accuracy import coverage, gini, n_buyers, novelty, shown_times
from eval.protocol import COMPARED_WITH, SMALL_GROUP
from eval.replay import ReplayedLists
from eval.scoring.results import EntryKind, GroupResult, Result, adjust_groups, adjust_results
from eval.scoring.scorer import PooledUsers, Scorer, ScoresByMetric, baselines_of
from eval.stats.bootstrap import MIN_RESAMPLES, RESAMPLES, StreamedDraws
from eval.stats.intervals import Estimate
from eval.stats.paired import Comparison
from recsys.data.dataset.histories import Histories

HEADLINE_K = 10
NO_MONEY = "revenue_recall"  # such files name no price
FOUND = "found"  # how many items of a list were taken: a mean over all customers, in every part
GROUP_METRICS = (FOUND, "ndcg", "precision", "recall", "hit")


@dataclass(frozen=True, slots=True)
class FileLists:
    """The lists of one model, and the seconds it took.  resolved: the settings of the fitted model."""

    shown: ReplayedLists
    kind: EntryKind
    settings: Mapping[str, Any]
    resolved: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One list with its figures.

    metrics, shelf: by name and k; known: the means without strangers; seconds: for all customers.
    parts: the same list judged by `repeat`, the items each customer has in the training file, and by `new`, all other
    items; none where the items a customer has are hidden.
    """

    name: str
    kind: EntryKind
    settings: Mapping[str, Any]
    resolved: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float
    metrics: Mapping[str, Estimate]
    known: Mapping[str, float]
    shelf: Mapping[str, float]
    against: Mapping[str, Comparison]
    parts: Mapping[str, Result]
    groups: Sequence[GroupResult]


@dataclass(frozen=True, slots=True)
class FileScoring:
    """Terms of scoring: lengths, seed, the lists that are no baselines, groups, and whether there are parts."""

    ks: Sequence[int]
    seed: int
    models: Collection[str]
    groups: Sequence[FileSegment]
    has_parts: bool

    @property
    def ndcg(self) -> str:
        """The metric of the verdicts."""
        return f"ndcg@{headline(self.ks)}"


def headline(ks: Sequence[int]) -> int:
    """The length that verdicts are about: 10 where that is among them, else the shortest."""
    return HEADLINE_K if HEADLINE_K in ks else ks[0]


def score_lists(
    lists: Mapping[str, FileLists], users: FileUsers, everybody: Histories, terms: FileScoring
) -> list[Entry]:
    """An entry for every list, in their order.  everybody: the histories of the training file."""
    scores = _scores(lists, users.held_back, terms.ks)
    whole, parts, groups = _results(scores, COMPARED_WITH, terms), _parts(lists, users, terms), _groups(scores, terms)
    return [
        Entry(
            name=name,
            kind=each.kind,
            settings=each.settings,
            resolved=each.resolved,
            fit_seconds=round(each.fit_seconds, 4),
            answer_seconds=round(each.answer_seconds, 4),
            metrics=whole[name].metrics,
            known={metric: mean(values[users.is_known]) for metric, values in scores[name].items()},
            shelf=_shelf(each.shown, everybody, terms.ks),
            against=whole[name].against,
            parts={task: part[name] for task, part in parts.items()},
            groups=groups[name],
        )
        for name, each in lists.items()
    ]


def _parts(lists: Mapping[str, FileLists], users: FileUsers, terms: FileScoring) -> dict[str, dict[str, Result]]:
    """Every list by the items taken again, and by the new items; a part in which nobody took any is left out."""
    kept = {"repeat": ~users.is_new, "new": users.is_new} if terms.has_parts else {}
    return {
        task: _results(_scores(lists, users.held_back.only(items), terms.ks), COMPARED_WITH, terms)
        for task, items in kept.items()
        if items.any()
    }


def _groups(scores: Mapping[str, ScoresByMetric], terms: FileScoring) -> dict[str, list[GroupResult]]:
    """Every list for every group, compared with the best-sellers among all groups of that list."""
    metrics = [f"{metric}@{headline(terms.ks)}" for metric in GROUP_METRICS]
    groups: dict[str, list[GroupResult]] = {name: [] for name in scores}
    for family, title, members in terms.groups:
        of_group = {name: {metric: own[metric][members] for metric in metrics} for name, own in scores.items()}
        for name, result in _results(of_group, COMPARED_WITH[:1], terms).items():
            groups[name].append(GroupResult(family, title, result.n_customers < SMALL_GROUP, result))
    return {name: adjust_groups(own) for name, own in groups.items()}


def _results(
    scores: Mapping[str, ScoresByMetric], compared_with: Sequence[str], terms: FileScoring
) -> dict[str, Result]:
    """The result of every list by those scores; the comparisons of models hold among all models."""
    n = len(next(iter(next(iter(scores.values())).values())))
    scorer = Scorer(
        users=PooledUsers([np.arange(n)], n),
        scores={name: [own] for name, own in scores.items()},
        baselines=baselines_of(list(scores), compared_with),
        compared_in=terms.ndcg,
        draws=StreamedDraws(terms.seed, MIN_RESAMPLES),
        paired_draws=StreamedDraws(terms.seed, RESAMPLES),
    )
    results = {name: result for name, (result,) in scorer.results(list(scores), [scorer.everybody]).items()}
    models = [name for name in results if name in terms.models]
    adjusted = adjust_results([results[name] for name in models])
    return results | dict(zip(models, adjusted, strict=True))


def _scores(lists: Mapping[str, FileLists], held_back: HeldBack, ks: Sequence[int]) -> dict[str, ScoresByMetric]:
    return {name: _list_scores(each.shown, held_back, ks) for name, each in lists.items()}


def _list_scores(shown: ReplayedLists, held_back: HeldBack, ks: Sequence[int]) -> ScoresByMetric:
    matched = match(shown.lists, held_back)
    scores = {name: values for k in ks for name, values in score(matched, k).items() if not name.startswith(NO_MONEY)}
    return scores | {f"{FOUND}@{k}": matched.hit[:, :k].sum(axis=1).astype(np.float64) for k in ks}


def _shelf(shown: ReplayedLists, everybody: Histories, ks: Sequence[int]) -> dict[str, float]:
    customers = n_buyers(everybody)
    shelf: dict[str, float] = {}
    for k in ks:
        times = shown_times(shown.lists, k, len(customers))
        surprise = mean(novelty(shown.lists, k, customers, len(everybody)))
        shelf |= {f"coverage@{k}": coverage(times), f"gini@{k}": gini(times), f"novelty@{k}": surprise}
    return shelf
