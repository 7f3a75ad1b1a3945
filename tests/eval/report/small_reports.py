"""Reports of a few lists whose sentences are known by construction."""

from dataclasses import replace

from eval.report.ranking_report import (
    Coverage,
    PairedDifference,
    RankingReport,
    ReportedList,
    ReportTable,
    Wording,
)
from eval.stats.bootstrap import Estimate
from eval.stats.paired import ComparisonVerdict


def lead(mean: float, low: float, high: float, verdict: ComparisonVerdict = "better") -> PairedDifference:
    return PairedDifference(Estimate(mean, low, high), verdict, 500)


BEST = ReportedList(
    "best-sellers", "Best-sellers", "baseline", Estimate(1.4, 1.3, 1.5), coverage=Coverage(10, 1_000, 5)
)
OURS = ReportedList(
    "auto",
    "Personal list (auto)",
    "ours",
    Estimate(3.5, 3.4, 3.6),
    coverage=Coverage(400, 1_000, 120),
    leads={"best-sellers": lead(2.1, 2.0, 2.2)},
)
PLAIN = RankingReport(
    title="Which list is better?",
    wording=Wording(),
    k=10,
    lists=[BEST, OURS],
    ours="auto",
    rival="best-sellers",
    best_baseline="best-sellers",
    n_customers=500,
    groups=[],
    n_groups_hidden=0,
    facts={},
    exclusions=[],
    warnings=[],
    tables=[],
    figures=ReportTable("Figures", ("list",), []),
    settings={},
    data={},
    run_id="0123456789ab",
    made_at="2026-01-02 03:04",
)


def report_with(ours: float, rival: float, k: int = 10) -> RankingReport:
    return replace(PLAIN, k=k, lists=[replace(BEST, hits=Estimate(rival)), replace(OURS, hits=Estimate(ours))])


def spaced(text: str) -> str:
    """With every space as the plain one."""
    return text.replace("\u00a0", " ")


def report_with_lead(lead: PairedDifference) -> RankingReport:
    return replace(PLAIN, lists=[BEST, replace(OURS, leads={"best-sellers": lead})])
