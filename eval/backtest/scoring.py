"""From the lists of all windows to figures: means, intervals, paired comparisons, groups, and verdicts in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.backtest.baselines import BEST_SELLERS, FADING_FREQUENCY, OWN_FREQUENCY
from eval.backtest.contenders import CandidateSet, ModelLists
from eval.backtest.held_out_users import HeldOutUsers, only
from eval.backtest.results import GroupResult, ListSummary, Result, TaskResult
from eval.backtest.segments import ACTIVITY, FEWEST, OTHERS, SMALL, SegmentLabels, kept_groups
from eval.metrics.accuracy import match, score
from eval.stats.bootstrap import Draws, ResampledColumn, Spread, spreads
from eval.stats.intervals import Estimate
from eval.stats.paired import Comparison, among_all
from recsys.arrays import Bools, Doubles, Longs

TASKS: Mapping[str, CandidateSet] = {"all": "all", "repeat": "all", "new": "new"}
RIVALS = (BEST_SELLERS, OWN_FREQUENCY, FADING_FREQUENCY)  # what every list is compared with, where it is there
GROUP_RIVALS = 2  # of these, how many in each group too
GROUP_METRICS = ("ndcg", "precision", "hit", "revenue_recall")
_WHO = {ACTIVITY[0]: "the lightest tenth of buyers", **{name: f"{name} buyers" for name in ACTIVITY[1:]}}

Rivals = Mapping[str, Sequence[str]]  # by list: what it is compared with, the most important first
ScoresByList = Mapping[str, Doubles]  # by metric: (Q,), NaN where not judged


@dataclass(frozen=True, slots=True)
class WindowRun:
    """One window: who was asked, every list by range and name, the shelf of each, and the group of each customer."""

    panel: HeldOutUsers
    answers: Mapping[CandidateSet, Mapping[str, ModelLists]]
    shelves: Mapping[CandidateSet, Mapping[str, Mapping[str, float]]]
    slices: Mapping[str, SegmentLabels]


@dataclass(frozen=True, slots=True)
class PooledUsers:
    """U customers of all windows: where those of each window stand among them."""

    rows: Sequence[Longs]
    n: int

    @classmethod
    def of(cls, panels: Sequence[HeldOutUsers]) -> "PooledUsers":
        row = {user_id: at for at, user_id in enumerate(dict.fromkeys(u for panel in panels for u in panel.user_ids))}
        rows = [np.fromiter((row[user_id] for user_id in panel.user_ids), np.int64) for panel in panels]
        return cls(rows, len(row))

    def pooled(self, scores: Sequence[Doubles]) -> ResampledColumn:
        """The scores of all windows, customer by customer."""
        total, judged = np.zeros(self.n), np.zeros(self.n)
        for rows, values in zip(self.rows, scores, strict=True):
            column = ResampledColumn.of(values)
            total[rows] += column.total
            judged[rows] += column.judged
        return ResampledColumn(total, judged)


@dataclass(frozen=True, slots=True)
class Scorer:
    """One task over all windows: scores by window and list, and the groups as they stand in each window."""

    crowd: PooledUsers
    scores: Sequence[Mapping[str, ScoresByList]]
    groups: Mapping[tuple[str, str], Sequence[Bools]]
    rivals: Rivals
    k: int
    draws: Draws

    @property
    def scopes(self) -> list[Sequence[int]]:
        """All windows together, then each alone."""
        every = range(len(self.scores))
        return [every, *([at] for at in every)]


def tasks_of(rounds: Sequence[WindowRun], k: int, seed: int, rivals: Rivals | None = None) -> list[TaskResult]:
    """Every task over the windows, the lists in the order in which they were asked.

    rivals: default, the baselines that are there for every list.
    """
    groups = _groups([found.slices for found in rounds])
    crowd = PooledUsers.of([found.panel for found in rounds])
    draws = Draws.of(crowd.n, np.random.default_rng(seed))
    found = []
    for name, shown in TASKS.items():
        names = lists_everywhere(rounds, shown)
        against = rivals or {name: [rival for rival in RIVALS if rival in names and rival != name] for name in names}
        found.append(_task(name, rounds, Scorer(crowd, _scores(name, rounds, k), groups, against, k, draws)))
    return found


def lists_everywhere(rounds: Sequence[WindowRun], shown: CandidateSet) -> list[str]:
    """Names of the lists that every window has."""
    first, *others = (found.answers[shown] for found in rounds)
    return [name for name in first if all(name in other for other in others)]


def _scores(task: str, rounds: Sequence[WindowRun], k: int) -> list[dict[str, ScoresByList]]:
    names = lists_everywhere(rounds, TASKS[task])
    found = []
    for one in rounds:
        panel = _asked(task, one.panel)
        found.append({name: scores_of(one.answers[TASKS[task]][name], panel, k) for name in names})
    return found


def scores_of(answered: ModelLists, panel: HeldOutUsers, k: int) -> ScoresByList:
    """Every metric of one list: (Q,) each."""
    found = score(match(answered.lists, panel.held_back), k)
    if panel.margin is not None:
        money = f"revenue_recall@{k}"
        found[f"margin_recall@{k}"] = score(match(answered.lists, panel.margin), k)[money]
    return found


def _asked(task: str, panel: HeldOutUsers) -> HeldOutUsers:
    if task == "all":
        return panel
    return only(panel, panel.is_new if task == "new" else ~panel.is_new)


def _groups(slices: Sequence[Mapping[str, SegmentLabels]]) -> dict[tuple[str, str], list[Bools]]:
    names = [name for name in slices[0] if all(name in other for other in slices)]
    parted = {name: kept_groups([window[name] for window in slices]) for name in names}
    return {(name, group): members for name, groups in parted.items() for group, members in groups.items()}


def _task(name: str, rounds: Sequence[WindowRun], court: Scorer) -> TaskResult:
    shown = TASKS[name]
    lines = [_line(list_name, shown, rounds, court) for list_name in lists_everywhere(rounds, shown)]
    lines = [_in_words(line) for line in _adjusted(lines)]
    ndcg = f"ndcg@{court.k}"
    judged = court.crowd.pooled([next(iter(by_list.values()))[ndcg] for by_list in court.scores]).judged
    return TaskResult(name, lines, int(np.count_nonzero(judged)))


def _line(name: str, shown: CandidateSet, rounds: Sequence[WindowRun], court: Scorer) -> ListSummary:
    shelves = [found.shelves[shown][name] for found in rounds]
    pooled, *windows = _results(name, court)
    return ListSummary(
        name=name,
        kind=rounds[0].answers[shown][name].kind,
        pooled=pooled,
        windows=windows,
        groups=_group_lines(name, court),
        shelf={measure: _mean([shelf[measure] for shelf in shelves]) for measure in shelves[0]},
        verdicts={},
    )


def _results(name: str, court: Scorer) -> list[Result]:
    """One list over all windows, then in each."""
    metrics = list(court.scores[0][name])
    ndcg, rivals = f"ndcg@{court.k}", court.rivals.get(name, [])
    columns = []
    for scope in court.scopes:
        columns += [_column(name, metric, scope, court) for metric in metrics]
        columns += [_difference(name, rival, scope, court) for rival in rivals]
    found = iter(spreads(columns, court.draws))
    results = []
    for scope in court.scopes:
        own = {metric: next(found) for metric in metrics}
        against = {rival: _comparison(next(found), own[ndcg], _mean_of(rival, scope, court)) for rival in rivals}
        results.append(Result(own[ndcg].n_customers, {m: _estimate(spread) for m, spread in own.items()}, against))
    return results


def _group_lines(name: str, court: Scorer) -> list[GroupResult]:
    """One list for each group that is large enough, over all windows."""
    ndcg, rivals = f"ndcg@{court.k}", court.rivals.get(name, [])[:GROUP_RIVALS]
    metrics = [f"{metric}@{court.k}" for metric in GROUP_METRICS]
    every = range(len(court.scores))
    large = {key: among for key, among in court.groups.items() if _size(among, name, ndcg, court) >= FEWEST}
    columns = []
    for among in large.values():
        columns += [_column(name, metric, every, court, among) for metric in metrics]
        columns += [_difference(name, rival, every, court, among) for rival in rivals]
    found = iter(spreads(columns, court.draws))
    groups = []
    for (slice_name, group), among in large.items():
        own = {metric: next(found) for metric in metrics}
        against = {rival: _comparison(next(found), own[ndcg], _mean_of(rival, every, court, among)) for rival in rivals}
        n = own[ndcg].n_customers
        result = Result(n, {metric: _estimate(spread) for metric, spread in own.items()}, against)
        groups.append(GroupResult(slice_name, group, n < SMALL, result))
    return _groups_adjusted(groups)


def _column(
    name: str, metric: str, scope: Sequence[int], court: Scorer, among: Sequence[Bools] | None = None
) -> ResampledColumn:
    return _of_scope([by_list[name][metric] for by_list in court.scores], scope, court, among)


def _difference(
    name: str, rival: str, scope: Sequence[int], court: Scorer, among: Sequence[Bools] | None = None
) -> ResampledColumn:
    ndcg = f"ndcg@{court.k}"
    values = [by_list[name][ndcg] - by_list[rival][ndcg] for by_list in court.scores]
    return _of_scope(values, scope, court, among)


def _of_scope(
    scores: Sequence[Doubles], scope: Sequence[int], court: Scorer, among: Sequence[Bools] | None = None
) -> ResampledColumn:
    """The scores of those windows and of those customers; of the others nothing is known."""
    kept = [
        np.where(among[at], values, np.nan) if among is not None else values if at in scope else values * np.nan
        for at, values in enumerate(scores)
    ]
    return court.crowd.pooled(kept)


def _mean_of(rival: str, scope: Sequence[int], court: Scorer, among: Sequence[Bools] | None = None) -> float:
    column = _column(rival, f"ndcg@{court.k}", scope, court, among)
    judged = column.judged.sum()
    return float(column.total.sum() / judged) if judged else float("nan")


def _size(among: Sequence[Bools], name: str, metric: str, court: Scorer) -> int:
    return int(np.count_nonzero(_column(name, metric, range(len(court.scores)), court, among).judged))


def _comparison(spread: Spread, own: Spread, rival_mean: float) -> Comparison:
    return Comparison(own.mean, rival_mean, spread.low, spread.high, spread.n_customers, spread.p, spread.p)


def _estimate(spread: Spread) -> Estimate:
    return Estimate(spread.mean, spread.low, spread.high)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _adjusted(lines: Sequence[ListSummary]) -> list[ListSummary]:
    """Every comparison as it stands among those of all models and placements with the same baseline."""
    judged = [line for line in lines if line.kind != "baseline"]
    pooled = _together([line.pooled for line in judged])
    windows = [_together(row) for row in zip(*(line.windows for line in judged), strict=True)]
    columns = list(zip(*windows, strict=True))
    found = {line.name: replace(line, pooled=pooled[at], windows=list(columns[at])) for at, line in enumerate(judged)}
    return [found.get(line.name, line) for line in lines]


def _groups_adjusted(groups: Sequence[GroupResult]) -> list[GroupResult]:
    """The same among the groups of one slice."""
    found: dict[int, GroupResult] = {}
    for name in dict.fromkeys(group.slice for group in groups):
        places = [at for at, group in enumerate(groups) if group.slice == name]
        results = _together([groups[at].result for at in places])
        found |= {at: replace(groups[at], result=result) for at, result in zip(places, results, strict=True)}
    return [found[at] for at in range(len(groups))]


def _together(results: Sequence[Result]) -> list[Result]:
    found = among_all([result.against for result in results])
    return [replace(result, against=against) for result, against in zip(results, found, strict=True)]


def _in_words(line: ListSummary) -> ListSummary:
    """better by 4-8 %; worse for light buyers"""
    verdicts = {rival: "; ".join(_clauses(line, rival)) for rival in line.pooled.against}
    return replace(line, verdicts=verdicts)


def _clauses(line: ListSummary, rival: str) -> list[str]:
    whole = line.pooled.against[rival]
    others = {"better": ["worse"], "worse": ["better"]}.get(whole.verdict, ["better", "worse"])
    found = [whole.words]
    for verdict in others:
        who = [
            _WHO.get(group.name, f"{group.name} ({group.slice})")
            for group in line.groups
            if group.name != OTHERS and rival in group.result.against and group.result.against[rival].verdict == verdict
        ]
        found += [f"{verdict} for {', '.join(who)}"] if who else []
    return found
