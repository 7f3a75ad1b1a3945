"""Scorer of every evaluation: means with bootstrap intervals, and paired comparisons of lists with baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from eval.stats.bootstrap import Draws, Estimate, ResampledColumn, Spread, spreads
from eval.stats.paired import Comparison, adjust_by_baseline
from recsys.arrays import Bools, Doubles, Longs

EntryKind = Literal["baseline", "model", "auto"]


@dataclass(frozen=True, slots=True)
class Result:
    """One list for some customers.

    n_customers: those that were judged.  metrics: by name with length, such as "ndcg@10"; the means are over the
    judged customers (that of "found" in evaluations of files is over all).  against: the paired comparison in nDCG, by
    baseline.
    """

    n_customers: int
    metrics: Mapping[str, Estimate]
    against: Mapping[str, Comparison]


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One list for one group of customers.  slice: the property that divides the customers, such as "activity".

    is_small: fewer than 100 customers, so read it with care; groups below 20 are left out.
    """

    slice: str
    name: str
    is_small: bool
    result: Result


def adjust_results(results: Sequence[Result]) -> list[Result]:
    """The same results, each comparison with its p as it stands among all of them with the same baseline (Holm)."""
    adjusted = adjust_by_baseline([result.against for result in results])
    return [replace(result, against=against) for result, against in zip(results, adjusted, strict=True)]


def adjust_groups(groups: Sequence[GroupResult]) -> list[GroupResult]:
    """The same for groups of one list."""
    results = adjust_results([group.result for group in groups])
    return [replace(group, result=result) for group, result in zip(groups, results, strict=True)]


ScoresByMetric = Mapping[str, Doubles]  # (Q,) each, NaN where the customer was not judged
Scope = Sequence[Bools]  # by window: which of its Q customers count, (Q,)
Baselines = Mapping[str, Sequence[str]]  # by list: the baselines it is compared with, the most important first

_Key = tuple[str, int, str]  # list, number of the scope, and metric of a mean or baseline of a difference


@dataclass(frozen=True, slots=True)
class PooledUsers:
    """n customers of all windows.  rows: by window, the position of each of its Q customers among the n, (Q,)."""

    rows: Sequence[Longs]
    n: int

    @classmethod
    def build(cls, user_ids: Sequence[Sequence[str]]) -> "PooledUsers":
        """From the customers of each window; a customer of several windows is pooled into one."""
        position = {user_id: at for at, user_id in enumerate(dict.fromkeys(u for ids in user_ids for u in ids))}
        rows = [np.fromiter((position[user_id] for user_id in ids), np.int64) for ids in user_ids]
        return cls(rows, len(position))

    def pooled(self, scores: Sequence[Doubles]) -> ResampledColumn:
        """The scores of all windows, summed by customer."""
        total, judged = np.zeros(self.n), np.zeros(self.n)
        for rows, values in zip(self.rows, scores, strict=True):
            column = ResampledColumn.from_scores(values)
            total[rows] += column.total
            judged[rows] += column.judged
        return ResampledColumn(total, judged)


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores of several lists for the same customers, in one window or several.

    scores: by list, then by window.  compared_in: the metric of the comparisons.  draws: the resamples for the
    intervals of means; paired_draws: those for the differences between two lists.
    """

    users: PooledUsers
    scores: Mapping[str, Sequence[ScoresByMetric]]
    baselines: Baselines
    compared_in: str
    draws: Draws
    paired_draws: Draws

    @property
    def everybody(self) -> Scope:
        """All customers of all windows."""
        return [np.ones(len(rows), np.bool_) for rows in self.users.rows]

    def window(self, at: int) -> Scope:
        """The customers of that window, and none of the others."""
        return [np.full(len(rows), window == at) for window, rows in enumerate(self.users.rows)]

    def n_judged(self, name: str, scope: Scope) -> int:
        """How many customers of the scope were judged with that list."""
        return int(np.count_nonzero(self._column(name, self.compared_in, scope).judged))

    def results(
        self,
        names: Sequence[str],
        scopes: Sequence[Scope],
        metrics: Sequence[str] | None = None,
        n_baselines: int | None = None,
    ) -> dict[str, list[Result]]:
        """By list, one result for each scope.  metrics: default, all; n_baselines: the first so many, default all.

        All columns of one call are drawn together.  p_holm of every comparison is its p: see adjust_results.
        """
        chosen = metrics or list(self.scores[names[0]][0])
        baselines = {name: self.baselines.get(name, ())[:n_baselines] for name in names}
        columns: dict[_Key, ResampledColumn] = {}
        for name in names:
            for at, scope in enumerate(scopes):
                columns |= {(name, at, metric): self._column(name, metric, scope) for metric in chosen}
                columns |= {(name, at, base): self._difference(name, base, scope) for base in baselines[name]}
        spread = self._spreads(columns)
        results: dict[str, list[Result]] = {name: [] for name in names}
        for name in names:
            for at, scope in enumerate(scopes):
                ours = spread[name, at, self.compared_in]
                against = {}
                for base in baselines[name]:
                    known = spread.get((base, at, self.compared_in)) or self._column(base, self.compared_in, scope)
                    gain = spread[name, at, base]
                    interval = gain.low, gain.high
                    against[base] = Comparison(ours.mean, known.mean, *interval, gain.n_customers, gain.p, gain.p)
                estimates = {metric: spread[name, at, metric].estimate for metric in chosen}
                results[name].append(Result(ours.n_customers, estimates, against))
        return results

    def _spreads(self, columns: Mapping[_Key, ResampledColumn]) -> dict[_Key, Spread]:
        """Of means and differences, in one call where both have the same draws."""
        if self.draws is self.paired_draws:
            return dict(zip(columns, spreads(list(columns.values()), self.draws), strict=True))
        pairs = {key: column for key, column in columns.items() if key[2] in self.scores}
        means = {key: column for key, column in columns.items() if key not in pairs}
        return {
            **dict(zip(means, spreads(list(means.values()), self.draws), strict=True)),
            **dict(zip(pairs, spreads(list(pairs.values()), self.paired_draws), strict=True)),
        }

    def _column(self, name: str, metric: str, scope: Scope) -> ResampledColumn:
        return self._pooled([scores[metric] for scores in self.scores[name]], scope)

    def _difference(self, name: str, baseline: str, scope: Scope) -> ResampledColumn:
        metric = self.compared_in
        both = zip(self.scores[name], self.scores[baseline], strict=True)
        return self._pooled([ours[metric] - theirs[metric] for ours, theirs in both], scope)

    def _pooled(self, scores: Sequence[Doubles], scope: Scope) -> ResampledColumn:
        kept = zip(scores, scope, strict=True)
        return self.users.pooled([np.where(counts, values, np.nan) for values, counts in kept])


def baselines_of(names: Sequence[str], compared_with: Sequence[str]) -> dict[str, list[str]]:
    """Every list is compared with those baselines that are among the lists, and none with itself."""
    return {name: [base for base in compared_with if base in names and base != name] for name in names}
