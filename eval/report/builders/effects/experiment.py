"""Page of an experiment's reading: the verdict, the effect on each measure, the looks, and how both arms behave."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isnan

from eval.report.charts import Chart, ChartRow, signed_axis
from eval.report.formatting import PER_CENT, signed
from eval.report.page import Page, PagePart, PageSection
from eval.report.ranking_report import Cell, EvaluationRecord, Exclusion, ReportTable, Role
from eval.stats.bootstrap import Estimate
from eval.stats.paired import ComparisonVerdict
from recsys.experiments.state import Experiment
from recsys.experiments.verdict import ExperimentResult
from recsys.experiments.watch import WatchedMark
from recsys.inference.sample_ratio import MISMATCH
from recsys.inference.welch import Effect
from recsys.time_units import minute

GLOSSARY: Mapping[str, str] = {
    "95 % interval": "Of a hundred experiments read so, the truth lies inside for ninety-five.",
    "look": "A moment that was planned to judge at. The bounds of all looks together let two equal arms seem to differ "
    "in at most one of twenty experiments, so that reading between them does no harm.",
    "sample-ratio mismatch": "Arms whose sizes chance does not explain: answers of one arm were lost. Below p = 0.001 "
    "the difference means nothing.",
    "CUPED": "The difference without what each customer's money before foretells: a narrower interval.",
    "z": "The difference in standard errors; the experiment ends at a look where it lies beyond the bound.",
}
CAVEATS = (
    "Each customer counts from their first answer in the experiment on, with all they bought then.",
    "Only a look that was planned decides. A figure between two looks is on its way.",
    "Customers who saw both arms, and those who refused personalisation since, are left out.",
)
LEFT_OUT = "they saw both arms, as after a merge, or refused personalisation since"
WORSE_IS_MORE = ("dismissals", "returns")


def build_page(experiment: Experiment, result: ExperimentResult, watched: Sequence[WatchedMark], now: datetime) -> Page:
    """The whole page."""
    plan = experiment.plan
    return Page(
        title=f"Experiment {plan.id}: is B better?",
        verdict=result.verdict[:1].upper() + result.verdict[1:] + ".",
        headline=[f"A is {plan.a.words}; B is {plan.b.words}.", *([plan.goal] if plan.goal else [])],
        question="What can be said?",
        answers=_answers(result, plan.measure),
        warnings=[f"Ended: {reason}" for reason in experiment.reasons],
        sections=_sections(result, watched),
        caveats=CAVEATS,
        record=_record(experiment, result, now),
        glossary=GLOSSARY,
    )


def _answers(result: ExperimentResult, measure: str) -> list[tuple[ComparisonVerdict, str, str]]:
    answers: list[tuple[ComparisonVerdict, str, str]] = []
    if (p := result.sample_ratio_p) is not None:
        is_broken = p < MISMATCH
        words = f"{'No' if is_broken else 'Yes'}: {result.n_a:,} in A, {result.n_b:,} in B, p = {p:.3g}."
        answers.append(("worse" if is_broken else "better", "Is the split that which was planned?", words))
    for name, effect in result.effects.items():
        if not isnan(effect.difference):
            title = f"{name.capitalize()}{' (decides)' if name == measure else ''}."
            answers.append((_direction(name, effect), title, _words(effect)))
    if (preferred := result.preference) is not None:
        counts = f"{preferred.prefer_b:,} prefer B, {preferred.prefer_a:,} A, {preferred.ties:,} neither"
        answers.append(("level", "Which list is clicked more?", f"{counts}; p = {preferred.p:.3g}."))
    if not result.effects and result.preference is None:
        answers.append(("level", "Is it enough?", "No: an arm has fewer than 20 customers, of whom nothing is said."))
    return answers


def _direction(name: str, effect: Effect) -> ComparisonVerdict:
    if effect.low <= 0 <= effect.high:
        return "level"
    return "better" if (effect.low > 0) != (name in WORSE_IS_MORE) else "worse"


def _words(effect: Effect) -> str:
    if effect.is_unseen:
        return "None in either arm yet."
    relative = "" if isnan(effect.relative) else f" ({signed(100 * effect.relative, 1)}{PER_CENT})"
    interval = f"{signed(effect.low, 3)} to {signed(effect.high, 3)}"
    return f"{signed(effect.difference, 3)} for each customer{relative}, {interval}."


def _sections(result: ExperimentResult, watched: Sequence[WatchedMark]) -> list[PageSection]:
    sections = []
    relative = {name: estimate for name, each in result.effects.items() if (estimate := _relative(each)) is not None}
    if relative:
        sections.append(PageSection("effects", "B against A", [_chart(relative, result.effects)]))
    if result.looks:
        rows: list[tuple[Cell, ...]] = [
            (str(look.number), minute(look.at_ms), f"{look.z:+.2f}", f"{look.bound:.2f}") for look in result.looks
        ]
        table = ReportTable("Looks", ("look", "at (UTC)", "z", "ends beyond"), rows)
        sections.append(PageSection("looks", "The looks that were planned", [table]))
    return [*sections, PageSection("watch", "How both arms behave", [_watch(watched)])]


def _relative(effect: Effect) -> Estimate | None:
    """The effect in percent of A; None where A has nothing of it."""
    if isnan(effect.difference) or isnan(effect.relative) or not effect.relative:
        return None
    base = effect.difference / effect.relative / 100
    return Estimate(effect.difference / base, *sorted((effect.low / base, effect.high / base)))


def _chart(relative: Mapping[str, Estimate], effects: Mapping[str, Effect]) -> Chart:
    """Dots with whiskers on one axis, which shows 0."""
    axis = signed_axis(list(relative.values()))
    rows = []
    for name, estimate in relative.items():
        role: Role = "ours" if effects[name].is_clear else "baseline"
        note = f"{signed(estimate.low, 1)} to {signed(estimate.high, 1)} percent, {effects[name].method}"
        value = f"{signed(estimate.mean, 1)}{PER_CENT}"
        rows.append(ChartRow(name.capitalize(), role, [axis.mark("dot", role, estimate)], value, note))
    legend: list[tuple[Role, str]] = [("ours", "Interval leaves 0 out"), ("baseline", "Interval holds 0")]
    unit = "percent of A, for each customer, with the 95 % interval"
    return Chart("effects", "B minus A", unit, rows, axis.ticks(is_share=False), legend)


def _watch(watched: Sequence[WatchedMark]) -> PagePart:
    if not watched:
        return "Nothing is watched: it is over, or fewer than 20 customers of an arm were answered in this hour."
    rows: list[tuple[Cell, ...]] = [
        (mark.words, f"{mark.share_a:.1%}", f"{mark.share_b:.1%}", f"{mark.allowed:.0%} more") for mark in watched
    ]
    return ReportTable("Customers, on this host in this hour", ("what", "A", "B", "B may have"), rows)


def _record(experiment: Experiment, result: ExperimentResult, now: datetime) -> EvaluationRecord:
    plan = experiment.plan
    columns = ("measure", "difference", "low", "high", "p", "B", "A", "method")
    rows: list[tuple[Cell, ...]] = [
        (name, e.difference, e.low, e.high, e.p, e.n_treated, e.n_control, e.method)
        for name, e in result.effects.items()
    ]
    shown: list[tuple[Cell, ...]] = [(name, *(f"{float(n):.4g}" for n in row[:4]), *row[4:]) for name, *row in rows]
    return EvaluationRecord(
        facts={
            "Experiment": plan.id,
            "Time": f"{minute(experiment.began_at_ms)} to {minute(result.as_of_ms)} UTC",
            "Planned": f"{plan.days} days, {plan.looks} looks, {plan.share:g} % of the customers, by {plan.measure}",
            "Customers": f"{result.n_a:,} in A, {result.n_b:,} in B, {result.n_left_out:,} left out",
        },
        exclusions=[Exclusion("customers", LEFT_OUT, result.n_left_out, 0)] if result.n_left_out else [],
        tables=[ReportTable("For each customer", columns, shown)] if shown else [],
        figures=ReportTable("Figures", columns, rows),
        settings={},
        data=result.as_data(),
        run_id=f"experiment-{plan.id}",
        made_at=f"{now:%Y-%m-%d %H:%M}",
    )
