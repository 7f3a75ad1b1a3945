"""Results of scoring: the figures of one list, for some of the customers, and its comparisons with baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from eval.stats.bootstrap import Estimate
from eval.stats.paired import Comparison, adjust_by_baseline

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
