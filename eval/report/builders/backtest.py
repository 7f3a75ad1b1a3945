"""Report builder for a backtest on the shop's own log."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from eval.backtest.contenders import HOME
from eval.backtest.results import Evaluation, ListSummary, TaskResult, WindowFacts
from eval.backtest.segments import MEANING
from eval.backtest.table import as_data
from eval.protocol import BEST_SELLERS, SEGMENT
from eval.report.builders.backtest_tables import figures_of, tables_of
from eval.report.formatting import span_of_days
from eval.report.labels import role_of, title_of
from eval.report.ranking_report import (
    Coverage,
    Exclusion,
    PairedDifference,
    RankingReport,
    ReportedGroup,
    ReportedList,
    Wording,
)
from eval.scoring.scorer import Result
from eval.stats.bootstrap import Estimate
from eval.stats.paired import Comparison
from recsys.time_units import date

OURS, DISCOVERY = HOME, "discover"
TITLES = {
    BEST_SELLERS: "Best-sellers of the last 28 days",
    SEGMENT: "Best-sellers among customers alike",
    "buy-again": "What to buy again",
}
OURS_TITLES = {OURS: "Personal list (home)", DISCOVERY: "Personal list of new things (discover)"}
WINDOWS = "In each span of time"
FAMILIES = {
    "activity": "How much they buy",
    "recency": "When they last came",
    "value": "How much they spend",
    "new or returning": "New or returning",
    "top category": "What they mostly buy",
    "channel": "Where they buy",
}
IN_TABLES_ONLY = ("frequency", "recency, frequency, value")  # they repeat what activity, recency and value say


@dataclass(frozen=True, slots=True)
class ComparedLists:
    """The two lists that the page compares, on all purchases and on new ones.  titles: of any list, by its name."""

    ours: str
    rival: str
    discovery_ours: str
    discovery_rival: str
    titles: Mapping[str, str]


def build_report(evaluation: Evaluation, now: datetime) -> RankingReport:
    """The report on the list of the home page and the list of new items, beside the best-sellers."""
    lists = ComparedLists(OURS, BEST_SELLERS, DISCOVERY, BEST_SELLERS, TITLES | OURS_TITLES)
    return report_on_lists(evaluation, lists, now)


def report_on_lists(evaluation: Evaluation, lists: ComparedLists, now: datetime) -> RankingReport:
    """The report that compares those two lists."""
    tasks = {task.name: task for task in evaluation.tasks}
    k, entries = evaluation.k, [_reported_list(line, evaluation, tasks["repeat"], lists) for line in tasks["all"].lines]
    ours, rival = (_line(tasks["all"], name) for name in (lists.ours, lists.rival))
    windows = _window_groups(ours, rival, evaluation)
    return RankingReport(
        title="Which list is better?",
        wording=Wording(period=span_of_days(float(evaluation.settings["days"]))),
        k=k,
        lists=entries,
        ours=lists.ours,
        rival=lists.rival,
        best_baseline=max((e for e in entries if e.role == "baseline"), key=lambda entry: entry.hits.mean).name,
        n_customers=tasks["all"].n_customers,
        groups=[*windows, *_groups(ours, rival, k)],
        facts=_facts(evaluation),
        exclusions=[exclusion for window in evaluation.windows for exclusion in _exclusions(window)],
        tables=tables_of(evaluation),
        figures=figures_of(evaluation),
        settings=_settings(evaluation),
        data=as_data(evaluation),
        run_id=evaluation.run_id,
        made_at=f"{now:%Y-%m-%d %H:%M}",
        repeat_share=_repeat_share(evaluation.windows),
        discovery_lists=[_basic_list(line, k, lists.discovery_ours, lists.titles) for line in tasks["new"].lines],
        discovery_ours=lists.discovery_ours,
        discovery_rival=lists.discovery_rival,
        best_sellers=BEST_SELLERS,
        family_notes={_family(name): meaning for name, meaning in MEANING.items()},
        lead_by_window={window.title: window.lead for window in windows},
        notes=evaluation.notes,
        samples=evaluation.samples,
    )


def _line(task: TaskResult, name: str) -> ListSummary:
    return next(line for line in task.lines if line.name == name)


def _basic_list(line: ListSummary, k: int, ours: str, titles: Mapping[str, str]) -> ReportedList:
    return ReportedList(
        name=line.name,
        title=titles.get(line.name, title_of(line.name)),
        role=role_of(line.name, line.kind, ours),
        hits=_hits(line.pooled, k),
        leads={rival: _lead(comparison, k) for rival, comparison in line.precision_against.items()},
    )


def _reported_list(line: ListSummary, evaluation: Evaluation, repeat: TaskResult, lists: ComparedLists) -> ReportedList:
    k = evaluation.k
    return replace(
        _basic_list(line, k, lists.ours, lists.titles),
        repeat_hits=_hits(_line(repeat, line.name).pooled, k),
        hit_rate=line.pooled.metrics[f"hit@{k}"],
        revenue_recall=line.pooled.metrics[f"revenue_recall@{k}"],
        coverage=_coverage(line, evaluation.windows[0].n_items),
    )


def _hits(result: Result, k: int) -> Estimate:
    """How many items of a list of k were bought."""
    precision = result.metrics[f"precision@{k}"]
    return Estimate(k * precision.mean, k * precision.low, k * precision.high)


def _lead(comparison: Comparison, k: int) -> PairedDifference:
    """From a comparison in precision."""
    parts = (comparison.difference, comparison.low, comparison.high)
    return PairedDifference(Estimate(*(k * part for part in parts)), comparison.verdict, comparison.n_customers)


def _group_lead(ours: Estimate, rival: Estimate, comparison: Comparison) -> PairedDifference:
    """The difference in items without its interval, under the verdict of a comparison in nDCG."""
    return PairedDifference(Estimate(ours.mean - rival.mean), comparison.verdict, comparison.n_customers)


def _coverage(line: ListSummary, n_items: int) -> Coverage | None:
    n_shown = line.shelf.get("n_shown", math.nan)
    if math.isnan(n_shown):
        return None
    return Coverage(round(n_shown), n_items, None, line.shelf.get("gini", math.nan))


def _groups(ours: ListSummary, rival: ListSummary, k: int) -> list[ReportedGroup]:
    """The groups of segments that split the customers and add something; the tables hold all groups."""
    result_of_rival = {(group.slice, group.name): group.result for group in rival.groups}
    sizes = Counter(group.slice for group in ours.groups)
    return [
        _group(
            (_family(group.slice), group.name.capitalize()),
            group.result,
            result_of_rival[group.slice, group.name],
            k,
            rival.name,
        )
        for group in ours.groups
        if group.slice not in IN_TABLES_ONLY and sizes[group.slice] > 1 and (group.slice, group.name) in result_of_rival
    ]


def _family(segment: str) -> str:
    return FAMILIES.get(segment, f"By {segment}")


def _group(titles: tuple[str, str], ours: Result, rival: Result, k: int, name: str) -> ReportedGroup:
    """titles: of the family and of the group; name: of the rival."""
    hits, rival_hits = _hits(ours, k), _hits(rival, k)
    return ReportedGroup(*titles, hits, rival_hits, _group_lead(hits, rival_hits, ours.against[name]))


def _window_groups(ours: ListSummary, rival: ListSummary, evaluation: Evaluation) -> list[ReportedGroup]:
    """Each window as a group of its own, the latest first; none where there is only one."""
    if len(evaluation.windows) < 2:
        return []
    rows = zip(evaluation.windows, ours.windows, rival.windows, strict=True)
    return [
        _group((WINDOWS, f"From {date(window.cut)}"), mine, theirs, evaluation.k, rival.name)
        for window, mine, theirs in rows
    ]


def _repeat_share(windows: Sequence[WindowFacts]) -> float:
    total = sum(window.n_held_back for window in windows)
    return sum(window.repeat_share * window.n_held_back for window in windows) / total if total else math.nan


def _facts(evaluation: Evaluation) -> dict[str, str]:
    return {
        **{
            f"Window {at}": f"{date(window.cut)} to {date(window.until)}: {window.n_customers:,} customers with "
            f"{window.n_held_back:,} different purchases; learnt from everything before"
            for at, window in enumerate(evaluation.windows, start=1)
        },
        "The lists": f"{evaluation.k} long; any of {evaluation.windows[0].n_items:,} products on sale could stand in "
        "them",
        "The personal list": "the placement “home”, as the shop would have served it at the start of each window",
        "Random seed": str(evaluation.settings["seed"]),
    }


def _exclusions(window: WindowFacts) -> list[Exclusion]:
    return [
        Exclusion(reason, f"in the window from {date(window.cut)}", count, 0)
        for reason, count in window.left_out.items()
        if count
    ]


def _settings(evaluation: Evaluation) -> dict[str, Mapping[str, object]]:
    blends = {f"mix of models, window from {date(window.cut)}": window.blend for window in evaluation.windows}
    return {"evaluation": evaluation.settings, **blends}
