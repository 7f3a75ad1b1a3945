"""Charts as rows of marks: places along an axis in percent, so that text keeps its size on any screen.

Text stands beside the marks as text; a picture is therefore readable without seeing it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eval.report.formatting import PER_CENT, apart, base_of, percent, plain
from eval.report.story import GroupStory, Role, Span, Story, StoryEntry, Wording
from eval.report.text import Scale, group_note, scale_of, spread

N_TICKS = 4
EPS = 1e-9
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar from 0, or a dot, with its whisker: places in percent of the axis, low above high where there is none."""

    shape: Literal["bar", "dot"]
    role: Role
    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One line of a chart.  figures: what the marks say, in text; note: what else is to know."""

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
    """A whole picture.  summary: it in words; legend: what each colour stands for; explained: what the rows are."""

    name: str
    title: str
    unit: str
    rows: Sequence[ChartRow]
    ticks: Sequence[Tick]
    summary: str
    legend: Sequence[tuple[Role, str]] = ()
    explained: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """From 0 to `end`, with a tick each `step`."""

    end: float
    step: float

    def at(self, value: float) -> float:
        """Where on the axis, in percent, never outside."""
        return 0.0 if math.isnan(value) else round(min(max(100 * value / self.end, 0.0), 100.0), 2)

    def mark(self, shape: Literal["bar", "dot"], role: Role, span: Span) -> Mark:
        """A mean with its whisker, in axis units."""
        has_ends = not (math.isnan(span.low) or math.isnan(span.high))
        low, high = (self.at(span.low), self.at(span.high)) if has_ends else (1.0, 0.0)
        return Mark(shape, role, self.at(span.mean), low, high)

    def ticks(self, is_share: bool) -> list[Tick]:
        """Round numbers from 0 to the end."""
        values = [self.step * n for n in range(round(self.end / self.step) + 1)]
        shown = [100 * value if is_share else value for value in values]
        digits = apart(shown, 3) if any(value % 1 > EPS for value in shown) else 0
        return [
            Tick(self.at(x), f"{plain(y, digits)}{PER_CENT * is_share}") for x, y in zip(values, shown, strict=True)
        ]


def axis_of(spans: Sequence[Span]) -> Axis:
    """The shortest round axis that holds all whiskers; of 1 where everything is 0."""
    highest = max((x for span in spans for x in (span.mean, span.high) if not math.isnan(x)), default=0.0)
    if highest <= 0:
        return Axis(1.0, 0.5)
    rough = highest / N_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * part for part in STEPS if power * part >= rough * (1 - EPS))
    return Axis(step * math.ceil(highest / step - EPS), step)


def found_chart(story: Story) -> Chart:
    """Bars with whiskers: every list beside the simple rules, the best on top."""
    scale = scale_of(story)
    return _bars("found", "What was found", _of(story, scale), _found(story.judged, scale))


def apart_charts(story: Story) -> list[Chart]:
    """Known and new things apart: where the lists were judged apart, and what each list found of either."""
    scale, taken = scale_of(story), story.wording.taken
    charts = []
    again = [(one, _scaled(one.again, scale)) for one in story.judged if one.again is not None]
    first = [(one, _scaled(one.first, scale)) for one in story.judged if one.first is not None]
    for name, title, rows in (
        ("known", f"Known to the customer and {taken} again", again),
        ("new", f"New to the customer and {taken} for the first time", first),
    ):
        if rows and story.repeat_share is not None:
            charts.append(_bars(name, title, _of(story, scale), rows))
    if story.discovery:
        near = Scale(base_of(story.k, max(one.found.mean for one in story.discovery)), story.k)
        title = "Lists that show only what the customer has never had"
        charts.append(_bars("discovery", title, _of(story, near), _found(story.discovery, near)))
    return charts


def money_chart(story: Story) -> Chart | None:
    """Bars of the money covered; None where no prices are known."""
    rows = [(one, one.money) for one in story.judged if one.money is not None and not math.isnan(one.money.mean)]
    return _shares("money", "Money covered", "share of what a customer spent", rows) if rows else None


def reached_chart(story: Story) -> Chart | None:
    """Bars of the customers with at least one thing from the list."""
    rows = [(one, one.reached) for one in story.judged if one.reached is not None]
    return _shares("reached", "Customers with at least one", "share of the customers", rows) if rows else None


def shelf_chart(story: Story) -> Chart | None:
    """Bars of the share of the range that anybody sees."""
    rows = [
        (one, Span(one.shelf.n_seen / one.shelf.n_items), spread(one.shelf))
        for one in story.judged
        if one.shelf is not None and one.shelf.n_items
    ]
    if not rows:
        return None
    axis = axis_of([span for _, span, _ in rows])
    rows.sort(key=lambda row: -row[1].mean)
    told = [ChartRow(one.title, one.role, [axis.mark("bar", one.role, span)], figures) for one, span, figures in rows]
    unit = f"{story.wording.things} that stand in anybody's list"
    return Chart("shelf", "The shelf", unit, told, axis.ticks(is_share=True), _summary(told))


def group_charts(story: Story) -> list[Chart]:
    """Dots with whiskers: the personal list beside the best-sellers, for each family of customer groups."""
    families = dict.fromkeys(group.family for group in story.groups)
    scale = scale_of(story)
    legend: list[tuple[Role, str]] = [
        ("ours", story.wording.ours.name.capitalize()),
        ("baseline", story.wording.rival.name.capitalize()),
    ]
    spans = [_scaled(span, scale) for group in story.groups for span in (group.ours, group.rival)]
    axis = axis_of(spans)
    charts = []
    for at, family in enumerate(families):
        rows = [_group(group, axis, scale, story.wording) for group in story.groups if group.family == family]
        ticks = axis.ticks(is_share=False)
        unit, explained = _of(story, scale), story.families.get(family, "")
        charts.append(Chart(f"groups-{at}", family, unit, rows, ticks, _summary(rows), legend, explained))
    return charts


def _group(group: GroupStory, axis: Axis, scale: Scale, wording: Wording) -> ChartRow:
    ours, rival = _scaled(group.ours, scale), _scaled(group.rival, scale)
    marks = [axis.mark("dot", "baseline", rival), axis.mark("dot", "ours", ours)]
    figures = f"{plain(ours.mean)} against {plain(rival.mean)}"
    return ChartRow(
        group.title, "ours", marks, figures, group_note(group.lead.n_customers, group.lead.verdict, wording)
    )


def _found(lists: Sequence[StoryEntry], scale: Scale) -> list[tuple[StoryEntry, Span]]:
    return [(one, _scaled(one.found, scale)) for one in lists]


def _bars(name: str, title: str, unit: str, rows: Sequence[tuple[StoryEntry, Span]]) -> Chart:
    ordered = sorted(rows, key=lambda row: -row[1].mean)
    axis = axis_of([span for _, span in ordered])
    digits = 1 if max((span.mean for _, span in ordered), default=0.0) >= 1 else 2
    told = [
        ChartRow(one.title, one.role, [axis.mark("bar", one.role, span)], _figures(span, digits))
        for one, span in ordered
    ]
    return Chart(name, title, unit, told, axis.ticks(is_share=False), _summary(told))


def _shares(name: str, title: str, unit: str, rows: Sequence[tuple[StoryEntry, Span]]) -> Chart:
    ordered = sorted(rows, key=lambda row: -row[1].mean)
    axis = axis_of([span for _, span in ordered])
    told = [
        ChartRow(one.title, one.role, [axis.mark("bar", one.role, span)], percent(span.mean)) for one, span in ordered
    ]
    return Chart(name, title, unit, told, axis.ticks(is_share=True), _summary(told))


def _scaled(span: Span | None, scale: Scale) -> Span:
    assert span is not None
    return Span(scale.of(span.mean), scale.of(span.low), scale.of(span.high))


def _figures(span: Span, digits: int) -> str:
    if math.isnan(span.low):
        return plain(span.mean, digits)
    return f"{plain(span.mean, digits)} ({plain(span.low, digits)} to {plain(span.high, digits)})"


def _of(story: Story, scale: Scale) -> str:
    return f"{story.wording.things} {story.wording.taken}, of {scale.base:,} shown"


def _summary(rows: Sequence[ChartRow]) -> str:
    return "; ".join(f"{row.title}: {row.figures}" for row in rows)
