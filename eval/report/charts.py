"""Charts as rows of marks: positions along an axis in percent, so that text keeps its size on any screen.

The figures stand beside the marks as text, so that a chart can be read without seeing it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from eval.report.formatting import PER_CENT, base_of, distinct_digits, percent, plain
from eval.report.ranking_report import RankingReport, ReportedGroup, ReportedList, Role, Wording
from eval.report.text import Scale, coverage_figures, group_note, scale_of
from eval.stats.bootstrap import Estimate

N_TICKS = 4
EPS = 1e-9
BESIDE_RULES = "Every list beside the simple rules"
WHISKER = "the thin line on a bar shows how far luck alone may have moved it"
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

Bar = tuple[str, Role, Estimate, str]  # title, role, value, and the value as text
ListValues = Sequence[tuple[ReportedList, Estimate]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar from 0, or a dot, with its whisker: positions in percent of the axis; no whisker where low > high."""

    shape: Literal["bar", "dot"]
    role: Role
    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One line of a chart.  figures: the values of the marks as text; note: a remark below."""

    title: str
    role: Role
    marks: Sequence[Mark]
    figures: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A whole chart.  legend: what each colour stands for; explained: what the rows are."""

    name: str
    title: str
    unit: str
    rows: Sequence[ChartRow]
    ticks: Sequence[Tick]
    legend: Sequence[tuple[Role, str]] = ()
    explained: str = ""

    @property
    def summary(self) -> str:
        """The chart in words."""
        return "; ".join(f"{row.title}: {row.figures}" for row in self.rows)


@dataclass(frozen=True, slots=True)
class Axis:
    """From `start` to `end`, with a tick each `step`."""

    end: float
    step: float
    start: float = 0.0

    def at(self, value: float) -> float:
        """The position on the axis in percent, never outside of it; 0 for NaN."""
        share = (value - self.start) / (self.end - self.start)
        return 0.0 if math.isnan(value) else round(min(max(100 * share, 0.0), 100.0), 2)

    def mark(self, shape: Literal["bar", "dot"], role: Role, estimate: Estimate) -> Mark:
        """A mean with its whisker."""
        has_ends = not (math.isnan(estimate.low) or math.isnan(estimate.high))
        low, high = (self.at(estimate.low), self.at(estimate.high)) if has_ends else (1.0, 0.0)
        return Mark(shape, role, self.at(estimate.mean), low, high)

    def ticks(self, is_share: bool) -> list[Tick]:
        """Round numbers from the start to the end."""
        values = [self.start + self.step * n for n in range(round((self.end - self.start) / self.step) + 1)]
        shown = [100 * value if is_share else value for value in values]
        digits = distinct_digits(shown, 3) if any(value % 1 > EPS for value in shown) else 0
        return [
            Tick(self.at(x), f"{plain(y, digits)}{PER_CENT * is_share}") for x, y in zip(values, shown, strict=True)
        ]


def axis_of(estimates: Sequence[Estimate]) -> Axis:
    """The shortest round axis that holds all whiskers; up to 1 where everything is 0."""
    highest = max((x for value in estimates for x in (value.mean, value.high) if not math.isnan(x)), default=0.0)
    if highest <= 0:
        return Axis(1.0, 0.5)
    rough = highest / N_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * part for part in STEPS if power * part >= rough * (1 - EPS))
    return Axis(step * math.ceil(highest / step - EPS), step)


def signed_axis(estimates: Sequence[Estimate]) -> Axis:
    """The shortest round axis that holds 0 and all whiskers, on both sides."""
    ends = [x for value in estimates for x in (value.mean, value.low, value.high) if not math.isnan(x)]
    lowest, highest = min([0.0, *ends]), max([0.0, *ends])
    if lowest == highest:
        return Axis(1.0, 1.0, -1.0)
    step = axis_of([Estimate(highest - lowest)]).step
    return Axis(step * math.ceil(highest / step - EPS), step, step * math.floor(lowest / step + EPS))


def bar_chart(
    name: str, title: str, unit: str, bars: Sequence[Bar], *, is_share: bool = False, lowest_first: bool = False
) -> Chart:
    """Bars with whiskers, the highest value on top unless `lowest_first`."""
    axis = axis_of([value for _, _, value, _ in bars])
    rows = [
        ChartRow(label, role, [axis.mark("bar", role, value)], figures)
        for label, role, value, figures in sorted(bars, key=lambda bar: bar[2].mean, reverse=not lowest_first)
    ]
    return Chart(name, title, unit, rows, axis.ticks(is_share))


def dot_charts(
    groups: Sequence[ReportedGroup], wording: Wording, unit: str, *, digits: int, notes: Mapping[str, str]
) -> list[Chart]:
    """Dots with whiskers, ours beside the rival: one chart for each family of groups.  notes: by family."""
    legend: list[tuple[Role, str]] = [
        ("ours", wording.ours.legend.capitalize()),
        ("baseline", wording.rival.legend.capitalize()),
    ]
    axis = axis_of([value for group in groups for value in (group.ours, group.rival)])
    rows: dict[str, list[ChartRow]] = {}
    for group in groups:
        marks = [axis.mark("dot", "baseline", group.rival), axis.mark("dot", "ours", group.ours)]
        figures = f"{plain(group.ours.mean, digits)} against {plain(group.rival.mean, digits)}"
        note = group_note(group.lead.n_customers, group.lead.verdict, wording)
        rows.setdefault(group.family, []).append(ChartRow(group.title, "ours", marks, figures, note))
    return [
        Chart(f"groups-{at}", family, unit, rows[family], axis.ticks(is_share=False), legend, notes.get(family, ""))
        for at, family in enumerate(rows)
    ]


def hits_chart(report: RankingReport) -> Chart:
    """Bars with whiskers: the hits of every list beside those of the simple rules, the best on top."""
    scale = scale_of(report)
    chart = _count_chart("found", BESIDE_RULES, _unit(report, scale), _hits(report.lists, scale))
    return replace(chart, explained=WHISKER)


def repeat_and_new_charts(report: RankingReport) -> list[Chart]:
    """The hits among known items, those among new items, and the lists of new items; each where it was evaluated."""
    scale, taken = scale_of(report), report.wording.participle
    repeat = [(entry, scale.estimate(entry.repeat_hits)) for entry in report.lists if entry.repeat_hits is not None]
    new = [(entry, scale.estimate(entry.new_hits)) for entry in report.lists if entry.new_hits is not None]
    charts = []
    for name, title, bars in (
        ("known", f"Known to the customer and {taken} again", repeat),
        ("new", f"New to the customer and {taken} for the first time", new),
    ):
        if bars and report.repeat_share is not None:
            charts.append(_count_chart(name, title, _unit(report, scale), bars))
    if report.discovery_lists:
        near = Scale(base_of(report.k, max(entry.hits.mean for entry in report.discovery_lists)), report.k)
        title = "Lists that show only what the customer has never had"
        charts.append(_count_chart("discovery", title, _unit(report, near), _hits(report.discovery_lists, near)))
    return charts


def revenue_chart(report: RankingReport) -> Chart | None:
    """Bars of the share of revenue that the lists cover; None where no prices are known."""
    bars = [
        (entry, entry.revenue_recall)
        for entry in report.lists
        if entry.revenue_recall is not None and not math.isnan(entry.revenue_recall.mean)
    ]
    return _share_chart("money", "Money covered", "share of what a customer spent", bars)


def hit_rate_chart(report: RankingReport) -> Chart | None:
    """Bars of the share of customers with at least one hit."""
    bars = [(entry, entry.hit_rate) for entry in report.lists if entry.hit_rate is not None]
    return _share_chart("reached", "Customers with at least one", "share of the customers", bars)


def coverage_chart(report: RankingReport) -> Chart | None:
    """Bars of the share of the catalogue that anybody sees."""
    covered = [(entry, entry.coverage) for entry in report.lists if entry.coverage is not None]
    bars = [(entry, Estimate(shown.n_shown / shown.n_items)) for entry, shown in covered if shown.n_items]
    figures = {entry.name: coverage_figures(shown) for entry, shown in covered}
    unit = f"{report.wording.noun} that stand in anybody's list"
    return _share_chart("shelf", "The shelf", unit, bars, figures)


def group_charts(report: RankingReport) -> list[Chart]:
    """The personal list beside the rival, one chart for each family of customer groups."""
    scale = scale_of(report)
    groups = [
        replace(group, ours=scale.estimate(group.ours), rival=scale.estimate(group.rival)) for group in report.groups
    ]
    return dot_charts(groups, report.wording, _unit(report, scale), digits=1, notes=report.family_notes)


def _hits(lists: Sequence[ReportedList], scale: Scale) -> ListValues:
    return [(entry, scale.estimate(entry.hits)) for entry in lists]


def _count_chart(name: str, title: str, unit: str, lists: ListValues) -> Chart:
    digits = 1 if max((value.mean for _, value in lists), default=0.0) >= 1 else 2
    bars = [(entry.title, entry.role, value, with_interval(value, digits)) for entry, value in lists]
    return bar_chart(name, title, unit, bars)


def _share_chart(
    name: str, title: str, unit: str, lists: ListValues, figures: Mapping[str, str] | None = None
) -> Chart | None:
    """figures: by the list's name, else the shares.  None without lists."""
    bars = [
        (entry.title, entry.role, share, figures[entry.name] if figures else percent(share.mean))
        for entry, share in lists
    ]
    return bar_chart(name, title, unit, bars, is_share=True) if bars else None


def with_interval(estimate: Estimate, digits: int) -> str:
    """3.5 (3.4 to 3.6); without an interval only the mean."""
    mean = plain(estimate.mean, digits)
    if math.isnan(estimate.low):
        return mean
    return f"{mean} ({plain(estimate.low, digits)} to {plain(estimate.high, digits)})"


def _unit(report: RankingReport, scale: Scale) -> str:
    return f"{report.wording.noun} {report.wording.participle}, of {scale.base:,} shown"
