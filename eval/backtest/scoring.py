"""Scoring of a backtest: the lists of all windows to the result of every task, with groups and verdicts in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.backtest.contenders import CandidateSet, EvalContext, ModelLists
from eval.backtest.held_out_users import HeldOutUsers, only_pairs
from eval.backtest.results import ListSummary, TaskResult, WindowFacts
from eval.backtest.segments import ACTIVITY, OTHERS, SegmentLabels, largest_groups
from eval.metrics.accuracy import match, mean, score
from eval.protocol import COMPARED_WITH, SMALL_GROUP
from eval.scoring.scorer import (
    Baselines,
    GroupResult,
    PooledUsers,
    Scope,
    Scorer,
    ScoresByMetric,
    adjust_groups,
    adjust_results,
    baselines_of,
)
from eval.scoring.user_samples import UserSample
from eval.splits.time_split import TimeSplit
from eval.stats.bootstrap import KeptDraws
from recsys.customers.population import MIN_GROUP
from recsys.time_units import DAY_MS

TASKS: Mapping[str, CandidateSet] = {"all": "all", "repeat": "all", "new": "new"}
GROUP_BASELINES = 2  # so many baselines each group is compared with
GROUP_METRICS = ("ndcg", "precision", "hit", "revenue_recall")
_BUYERS = {ACTIVITY[0]: "the lightest tenth of buyers", **{name: f"{name} buyers" for name in ACTIVITY[1:]}}

Groups = Mapping[str, Mapping[str, Scope]]  # by slice, then by name


@dataclass(frozen=True, slots=True)
class WindowRun:
    """One window: its customers, and by candidate set and name every list with its beyond-accuracy metrics.

    segments: the segment of each customer, by the property that divides them.  samples: some of the customers.
    """

    held_out: HeldOutUsers
    lists: Mapping[CandidateSet, Mapping[str, ModelLists]]
    beyond_accuracy: Mapping[CandidateSet, Mapping[str, Mapping[str, float]]]
    segments: Mapping[str, SegmentLabels]
    samples: Sequence[UserSample] = ()


def score_tasks(runs: Sequence[WindowRun], k: int, seed: int, baselines: Baselines | None = None) -> list[TaskResult]:
    """The result of every task over the windows, lists in their order in the windows.

    baselines: default, those of COMPARED_WITH that are there, for every list.
    """
    groups = _groups([run.segments for run in runs])
    users = PooledUsers.build([run.held_out.user_ids for run in runs])
    draws = KeptDraws.draw(users.n, np.random.default_rng(seed))
    tasks = []
    for task, candidates in TASKS.items():
        names = common_lists(runs, candidates)
        parts = [(run.lists[candidates], _judged_by(task, run.held_out)) for run in runs]
        scorer = Scorer(
            users=users,
            scores={name: [list_scores(lists[name], held_out, k) for lists, held_out in parts] for name in names},
            baselines=baselines or baselines_of(names, COMPARED_WITH),
            compared_in=f"ndcg@{k}",
            draws=draws,
            paired_draws=draws,
        )
        summaries = [_summary(name, runs, candidates, scorer, groups) for name in names]
        summaries = [_with_verdicts(summary) for summary in _adjusted(summaries)]
        summaries = _with_precision(summaries, replace(scorer, compared_in=f"precision@{k}"))
        tasks.append(TaskResult(task, summaries, scorer.n_judged(names[0], scorer.everybody)))
    return tasks


def common_lists(runs: Sequence[WindowRun], candidates: CandidateSet) -> list[str]:
    """Names of the lists that every window has."""
    first, *others = (run.lists[candidates] for run in runs)
    return [name for name in first if all(name in other for other in others)]


def list_scores(model_lists: ModelLists, held_out: HeldOutUsers, k: int) -> ScoresByMetric:
    """Every metric of one list: (Q,) each."""
    scores = score(match(model_lists.lists, held_out.held_back), k)
    if held_out.margin is not None:
        scores[f"margin_recall@{k}"] = score(match(model_lists.lists, held_out.margin), k)[f"revenue_recall@{k}"]
    return scores


def window_facts(
    context: EvalContext, split: TimeSplit, blend: Mapping[str, float], held_back: str, seconds: float
) -> WindowFacts:
    """The facts of one window.  blend, held_back, seconds: see WindowFacts."""
    held_out = context.held_out
    return WindowFacts(
        cut=split.now,
        until=split.until_ms / DAY_MS,
        n_customers=len(held_out.users),
        n_items=int(np.count_nonzero(context.on_sale)),
        n_held_back=len(held_out.held_back.item),
        repeat_share=float(np.mean(~held_out.is_new)),
        blend=blend,
        held_back=held_back,
        seconds=seconds,
        left_out=held_out.left_out,
    )


def _judged_by(task: str, held_out: HeldOutUsers) -> HeldOutUsers:
    """The same customers with the purchases that the task judges by."""
    if task == "all":
        return held_out
    return only_pairs(held_out, held_out.is_new if task == "new" else ~held_out.is_new)


def _groups(segments: Sequence[Mapping[str, SegmentLabels]]) -> Groups:
    """segments: of each window."""
    names = [name for name in segments[0] if all(name in other for other in segments)]
    return {name: largest_groups([window[name] for window in segments]) for name in names}


def _summary(
    name: str, runs: Sequence[WindowRun], candidates: CandidateSet, scorer: Scorer, groups: Groups
) -> ListSummary:
    metrics = [run.beyond_accuracy[candidates][name] for run in runs]
    scopes = [scorer.everybody, *(scorer.window(at) for at in range(len(runs)))]
    pooled, *windows = scorer.results([name], scopes)[name]
    return ListSummary(
        name=name,
        kind=runs[0].lists[candidates][name].kind,
        pooled=pooled,
        windows=windows,
        groups=_group_results(name, scorer, groups),
        shelf={name: mean(np.array([by_name[name] for by_name in metrics])) for name in metrics[0]},
        verdicts={},
    )


def _group_results(name: str, scorer: Scorer, groups: Groups) -> list[GroupResult]:
    """One list for each group that is large enough, over all windows; compared among the groups of its slice."""
    k = scorer.compared_in.partition("@")[2]
    large = [
        (slice_name, group, scope)
        for slice_name, scopes in groups.items()
        for group, scope in scopes.items()
        if scorer.n_judged(name, scope) >= MIN_GROUP
    ]
    metrics = [f"{metric}@{k}" for metric in GROUP_METRICS]
    results = scorer.results([name], [scope for *_, scope in large], metrics, GROUP_BASELINES)[name]
    group_results = [
        GroupResult(slice_name, group, result.n_customers < SMALL_GROUP, result)
        for (slice_name, group, _), result in zip(large, results, strict=True)
    ]
    return [
        each for name in groups for each in adjust_groups([group for group in group_results if group.slice == name])
    ]


def _adjusted(summaries: Sequence[ListSummary]) -> list[ListSummary]:
    """Every comparison as it stands among those of all models and placements with the same baseline."""
    served = [summary for summary in summaries if summary.kind != "baseline"]
    pooled = adjust_results([summary.pooled for summary in served])
    by_window = [adjust_results(row) for row in zip(*(summary.windows for summary in served), strict=True)]
    adjusted = {
        summary.name: replace(summary, pooled=whole, windows=list(windows))
        for summary, whole, windows in zip(served, pooled, zip(*by_window, strict=True), strict=True)
    }
    return [adjusted.get(summary.name, summary) for summary in summaries]


def _with_precision(summaries: Sequence[ListSummary], scorer: Scorer) -> list[ListSummary]:
    """With the comparisons in precision over all windows, as they stand among those of all models and placements."""
    names = [summary.name for summary in summaries if summary.kind != "baseline"]
    results = scorer.results(names, [scorer.everybody], [scorer.compared_in])
    adjusted = adjust_results([result for (result,) in results.values()])
    against = {name: result.against for name, result in zip(results, adjusted, strict=True)}
    return [replace(summary, precision_against=against.get(summary.name, {})) for summary in summaries]


def _with_verdicts(summary: ListSummary) -> ListSummary:
    """better by 4-8 %; worse for light buyers"""
    verdicts = {baseline: "; ".join(_clauses(summary, baseline)) for baseline in summary.pooled.against}
    return replace(summary, verdicts=verdicts)


def _clauses(summary: ListSummary, baseline: str) -> list[str]:
    whole = summary.pooled.against[baseline]
    others = {"better": ["worse"], "worse": ["better"]}.get(whole.verdict, ["better", "worse"])
    clauses = [whole.words]
    for verdict in others:
        buyers = [
            _BUYERS.get(group.name, f"{group.name} ({group.slice})")
            for group in summary.groups
            if group.name != OTHERS
            and baseline in group.result.against
            and group.result.against[baseline].verdict == verdict
        ]
        clauses += [f"{verdict} for {', '.join(buyers)}"] if buyers else []
    return clauses
