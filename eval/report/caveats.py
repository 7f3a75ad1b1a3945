"""Caveats of a report: what would change the conclusion beside the answers, in figures; and warnings to read first."""

import math

from eval.report.formatting import counted, percent, roughly
from eval.report.ranking_report import PairedDifference, RankingReport, ReportedList
from eval.report.text import scale_of
from eval.stats.bootstrap import Estimate

FEW = 300  # customers: with fewer, the page warns
BEST_SELLING = "popularity"  # a model that is the best-sellers, and need not beat itself
MUCH = 0.05  # of the rows excluded: above, the page says so


def caveats(report: RankingReport) -> list[str]:
    """Sentences, the most important first."""
    lead = report.list_named(report.ours).leads.get(report.rival)
    return [
        *(_sampling_error(report, lead) if lead is not None else []),
        *_groups(report),
        *_few_customers(report),
        *_windows(report),
        *_selection(report),
        *_excluded_rows(report),
        "Nobody was shown these lists. What customers would have "
        f"{report.wording.participle} had they seen them, only a trial with a control group can tell.",
    ]


def customers_needed(estimate: Estimate, n_customers: int) -> int:
    """How many customers would tell this difference from none: the interval narrows with the root of their number."""
    half_width = (estimate.high - estimate.low) / 2
    return roughly(n_customers * (half_width / abs(estimate.mean)) ** 2)


def few_customers_warning(n_customers: int) -> list[str]:
    """A warning where there are few customers, else nothing."""
    if n_customers >= FEW:
        return []
    return [f"Only {counted(n_customers, 'customer')} could be judged: all figures here are rough."]


def _sampling_error(report: RankingReport, lead: PairedDifference) -> list[str]:
    scale, estimate = scale_of(report), lead.estimate
    if lead.verdict != "level" or not estimate.mean or math.isnan(estimate.low):
        return []
    return [
        f"More customers: to tell a difference of {scale.difference(estimate.mean, 2)} from none takes about "
        f"{customers_needed(estimate, lead.n_customers):,} of them; {lead.n_customers:,} were asked."
    ]


def _groups(report: RankingReport) -> list[str]:
    behind = [f"“{group.title}”" for group in report.groups if group.lead.verdict == "worse"]
    if not behind:
        return []
    rival = report.wording.rival.singular
    return [f"A shop with more of these customers, who are better off with {rival}: {', '.join(behind)}."]


def _few_customers(report: RankingReport) -> list[str]:
    rest = report.without_keenest
    if rest is None:
        return []
    lead = scale_of(report).difference(rest.estimate.mean, 2)
    would, is_ahead = ("would not", "still") if rest.verdict == "better" else ("would", "no longer clearly")
    return [
        f"A few keen customers {would}: without the twentieth of all customers it does best for, the personal list is "
        f"{is_ahead} ahead of the best-sellers ({lead})."
    ]


def _windows(report: RankingReport) -> list[str]:
    if len(report.lead_by_window) < 2:
        return ["Another time of the year: only one span of time was judged."]
    n_ahead = sum(lead.verdict == "better" for lead in report.lead_by_window.values())
    ours, n_windows = report.wording.ours.singular, len(report.lead_by_window)
    return [f"Another time of the year: {ours} was clearly ahead in {n_ahead} of {n_windows} spans."]


def _selection(report: RankingReport) -> list[str]:
    n_models = sum(entry.role != "baseline" for entry in report.lists)
    if n_models < 2 or not report.is_picked:
        return []
    return [
        f"Judging again: the best of {n_models} lists was picked by these very figures, so its lead looks a little "
        "larger than it is."
    ]


def _excluded_rows(report: RankingReport) -> list[str]:
    return [
        f"The rows left out: {percent(rows.count / rows.total)} of {rows.what} ({rows.why})."
        for rows in report.exclusions
        if not rows.is_by_rule and rows.total and rows.count / rows.total > MUCH
    ]


def warnings(report: RankingReport) -> list[str]:
    """The warnings of the report, and those about few customers and models that are no better than best-sellers."""
    beaten = [
        f"“{entry.title}” is no better than the best-sellers here."
        for entry in report.lists
        if entry.role != "baseline" and entry.name != BEST_SELLING and _is_behind(entry, report)
    ]
    return [*report.warnings, *few_customers_warning(report.n_customers), *beaten]


def _is_behind(entry: ReportedList, report: RankingReport) -> bool:
    lead = entry.leads.get(report.best_sellers)
    return lead is not None and lead.verdict != "better"
