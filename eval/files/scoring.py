"""Scoring of an evaluation of files: every list to its figures, its parts, its groups and its comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.files.results import Entry, FileTerms
from eval.files.users import FileUsers
from eval.metrics.accuracy import match, mean, score
from eval.metrics.beyond_accuracy import coverage, gini, n_buyers, novelty, shown_times
from eval.metrics.held_back import HeldBack
from eval.protocol import COMPARED_WITH, SMALL_GROUP
from eval.replay import ReplayedLists
from eval.scoring.scorer import (
    EntryKind,
    GroupResult,
    PooledUsers,
    Result,
    Scorer,
    ScoresByMetric,
    adjust_groups,
    adjust_results,
    baselines_of,
)
from eval.scoring.segments import Segment
from eval.stats.bootstrap import MIN_RESAMPLES, RESAMPLES, StreamedDraws
from recsys.data.dataset.histories import Histories

NO_MONEY = "revenue_recall"  # such files name no price
FOUND = "found"  # how many items of a list were taken: a mean over all customers, in every part
GROUP_METRICS = (FOUND, "ndcg", "precision", "recall", "hit")


@dataclass(frozen=True, slots=True)
class FileLists:
    """The lists of one model, and the seconds it took.  resolved: the settings of the fitted model."""

    replayed: ReplayedLists
    kind: EntryKind
    settings: Mapping[str, Any]
    resolved: Mapping[str, Any]
    fit_seconds: float
    answer_seconds: float


def score_lists(
    lists: Mapping[str, FileLists],
    users: FileUsers,
    everybody: Histories,
    segments: Sequence[Segment],
    terms: FileTerms,
) -> list[Entry]:
    """An entry for every list, in their order.  everybody: the histories of the training file."""
    models = [name for name, each in lists.items() if each.kind != "baseline"]
    scores = _scores(lists, users.held_back, terms)
    whole = _model_results(scores, models, terms)
    parts = {
        task: _model_results(_scores(lists, users.held_back.only(items), terms), models, terms)
        for task, items in (("repeat", ~users.is_new), ("new", users.is_new))
        if not terms.is_hiding and items.any()
    }
    groups = _groups(scores, segments, terms)
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
            shelf=_beyond_accuracy(each.replayed, everybody, terms.ks),
            against=whole[name].against,
            parts={task: part[name] for task, part in parts.items()},
            groups=groups[name],
        )
        for name, each in lists.items()
    ]


def _groups(
    scores: Mapping[str, ScoresByMetric], segments: Sequence[Segment], terms: FileTerms
) -> dict[str, list[GroupResult]]:
    """Every list for every segment, compared with the best-sellers among all segments of that list."""
    metrics = [f"{metric}@{terms.k}" for metric in GROUP_METRICS]
    groups: dict[str, list[GroupResult]] = {name: [] for name in scores}
    for segment in segments:
        of_members = {
            name: {metric: own[metric][segment.members] for metric in metrics} for name, own in scores.items()
        }
        for name, result in _results(of_members, COMPARED_WITH[:1], terms).items():
            is_small = result.n_customers < SMALL_GROUP
            groups[name].append(GroupResult(segment.family, segment.title, is_small, result))
    return {name: adjust_groups(own) for name, own in groups.items()}


def _model_results(scores: Mapping[str, ScoresByMetric], models: Sequence[str], terms: FileTerms) -> dict[str, Result]:
    """The result of every list by those scores; the comparisons of models hold among all models."""
    results = _results(scores, COMPARED_WITH, terms)
    return results | dict(zip(models, adjust_results([results[name] for name in models]), strict=True))


def _results(scores: Mapping[str, ScoresByMetric], compared_with: Sequence[str], terms: FileTerms) -> dict[str, Result]:
    n = len(next(iter(next(iter(scores.values())).values())))
    scorer = Scorer(
        users=PooledUsers([np.arange(n)], n),
        scores={name: [own] for name, own in scores.items()},
        baselines=baselines_of(list(scores), compared_with),
        compared_in=terms.compared_in,
        draws=StreamedDraws(terms.seed, MIN_RESAMPLES),
        paired_draws=StreamedDraws(terms.seed, RESAMPLES),
    )
    return {name: result for name, (result,) in scorer.results(list(scores), [scorer.everybody]).items()}


def _scores(lists: Mapping[str, FileLists], held_back: HeldBack, terms: FileTerms) -> dict[str, ScoresByMetric]:
    return {name: _list_scores(each.replayed, held_back, terms.ks) for name, each in lists.items()}


def _list_scores(replayed: ReplayedLists, held_back: HeldBack, ks: Sequence[int]) -> ScoresByMetric:
    matched = match(replayed.lists, held_back)
    scores = {name: values for k in ks for name, values in score(matched, k).items() if not name.startswith(NO_MONEY)}
    return scores | {f"{FOUND}@{k}": matched.hit[:, :k].sum(axis=1).astype(np.float64) for k in ks}


def _beyond_accuracy(replayed: ReplayedLists, everybody: Histories, ks: Sequence[int]) -> dict[str, float]:
    customers = n_buyers(everybody)
    metrics: dict[str, float] = {}
    for k in ks:
        times = shown_times(replayed.lists, k, len(customers))
        surprise = mean(novelty(replayed.lists, k, customers, len(everybody)))
        metrics |= {f"coverage@{k}": coverage(times), f"gini@{k}": gini(times), f"novelty@{k}": surprise}
    return metrics
