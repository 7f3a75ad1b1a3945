"""Folded parts of a report: lists of sampled customers, and charts of groups of customers, each under its outcome."""

from collections.abc import Sequence
from itertools import zip_longest

from eval.report.charts import Chart
from eval.report.page import ExampleLists, Fold
from eval.report.ranking_report import RankingReport, ReportedGroup, Wording
from eval.report.text import family_outcome
from eval.scoring.user_samples import UserSample

MOST_SHOWN = 8


def example_folds(report: RankingReport) -> list[Fold]:
    """A folded part for each sampled customer, the middle one open."""
    n = len(report.samples)
    return [
        Fold(_title(at, sample, report), [_example(sample, report)], is_open=at == n // 2)
        for at, sample in enumerate(report.samples)
    ]


def folded_groups(families: Sequence[Chart], groups: Sequence[ReportedGroup], wording: Wording) -> list[Fold]:
    """The chart of each family of groups, under the number of groups for which ours is better.  groups: of all."""
    folds = []
    for chart in families:
        outcome = family_outcome([group for group in groups if group.family == chart.title], wording)
        folds.append(Fold(f"{chart.title}: {outcome}", [chart]))
    return folds


def _title(at: int, sample: UserSample, report: RankingReport) -> str:
    ours, rival = (sum(item.is_hit for item in sample.lists[name]) for name in (report.ours, report.rival))
    words = report.wording
    return (
        f"Customer {at + 1}: {words.past_tense} {ours} from {words.ours.singular}, {rival} from {words.rival.singular}"
    )


def _example(sample: UserSample, report: RankingReport) -> ExampleLists:
    words = report.wording
    had = [f"{item.name} ({item.n} times)" if item.n > 1 else item.name for item in sample.history]
    return ExampleLists(
        facts={
            "Had before": _listed(had, sample.n_history) or "nothing",
            f"Then {words.past_tense}": _listed(sample.held_back, sample.n_held_back),
        },
        columns=[label.legend.capitalize() for label in (words.ours, words.rival)],
        rows=list(zip_longest(sample.lists[report.ours], sample.lists[report.rival])),
        mark=words.participle,
    )


def _listed(names: Sequence[str], n: int) -> str:
    """Bread, milk, eggs and 12 more."""
    shown = list(names)[:MOST_SHOWN]
    more = n - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
