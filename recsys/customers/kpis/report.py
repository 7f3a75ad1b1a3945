"""Reports of key figures as JSON types: figures by period with their bands, cohorts and expected units."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recsys.arrays import Bools
from recsys.customers.kpis.bands import WatchedFigure, watch
from recsys.customers.kpis.cohorts import WORDS, cohort_triangle
from recsys.customers.kpis.counted.rows import CountedLines
from recsys.customers.kpis.definitions import KPIS
from recsys.customers.kpis.expected_units import HORIZON, expect_units
from recsys.customers.kpis.funnel import channel_funnel
from recsys.customers.kpis.log import KpiLog
from recsys.customers.kpis.measures import Question, measure_all
from recsys.customers.kpis.members import KpiGroup
from recsys.customers.kpis.periods import Period, PeriodUnit, latest_periods, periods_between, previous_period
from recsys.customers.population import MIN_GROUP
from recsys.customers.settings import CustomerSettings
from recsys.customers.table import CustomerPlan
from recsys.data.entities import Item
from recsys.errors import BadInput

DEFAULT_PERIODS = 12
NOT_COUNTED = (
    "Not counted: customers who refused personalisation, guests, items that are never shown, lines that cost nothing, "
    f"and groups of fewer than {MIN_GROUP} customers."
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Time of a report.  None: the last periods up to the end of the log."""

    since_ms: int | None = None
    until_ms: int | None = None
    by: PeriodUnit = "week"

    def check(self) -> None:
        """Raises BadInput for a time that no log can have."""
        if None not in (self.since_ms, self.until_ms):
            periods_between(self.since_ms, self.until_ms, self.by)  # type: ignore[arg-type]

    def start_ms(self, log: KpiLog) -> int:
        """Where the report begins: the moment of a group that the log says."""
        return self.periods(log)[0].start_ms

    def periods(self, log: KpiLog) -> list[Period]:
        """The periods, whole ones.  Raises BadInput."""
        until_ms = log.as_of_ms if self.until_ms is None else self.until_ms
        if self.since_ms is None:
            return latest_periods(until_ms, DEFAULT_PERIODS, self.by)
        return periods_between(self.since_ms, until_ms, self.by)


def read_plan(file: Path | None) -> CustomerPlan:
    """The shop's stages and groups.  Raises BadSettings."""
    settings = CustomerSettings.load(file)
    return CustomerPlan(settings.stage_rule(), settings.rfm_groups())


def kpi_report(log: KpiLog, selection: Selection, group: KpiGroup | None = None) -> dict[str, Any]:
    """Every figure of every period, the funnel of the whole time by channel, and the last week beside its bands."""
    periods = selection.periods(log)
    members = _members(log, group)
    questions = [Question(log, members, period, previous_period(period, selection.by)) for period in periods]
    whole = Period(periods[0].start_ms, periods[-1].end_ms)
    return {
        **_head(log, whole, group),
        "by": selection.by,
        "definitions": [kpi._asdict() for kpi in KPIS],
        "periods": [_period(question) for question in questions],
        "funnel": channel_funnel(log.steps, members, whole),
        "watch": [each.as_json() for each in watch(log, members, selection.until_ms)],
    }


def alarms_of(figures: Sequence[WatchedFigure]) -> list[WatchedFigure]:
    """Those outside their bands."""
    return [each for each in figures if each.is_outside]


def cohort_report(log: KpiLog, selection: Selection, group: KpiGroup | None = None) -> dict[str, Any]:
    """The cohort triangle."""
    start_ms = log.begins_ms if selection.since_ms is None else selection.since_ms
    members = _members(log, group)
    end_ms = log.as_of_ms if selection.until_ms is None else selection.until_ms
    cohorts = cohort_triangle(log, members, selection.since_ms, selection.until_ms)
    return {**_head(log, Period(start_ms, end_ms), group), "definition": WORDS, "cohorts": cohorts}


def units_report(lines: CountedLines, items: Sequence[Item], limit: int | None) -> dict[str, Any]:
    """Expected units of the items with most of them, and how wrong such figures were.  Raises NotEnoughData.

    items: of the shop, for their names.
    """
    names = {item.item_id: item.name for item in items}
    expected = expect_units(lines.paid, lines.last_ms + 1)
    rows = expected.frame() if limit is None else expected.frame().head(limit)
    return {
        "as_of": expected.as_of_ms,
        "weeks": HORIZON,
        "method": f"mean of the last {expected.window} weeks",
        "error": expected.errors[expected.window],
        "errors_by_weeks": {str(window): error for window, error in expected.errors.items()},
        "interval": 0.8,
        "coverage": expected.coverage,
        "n_items": len(expected.item_ids),
        "items": [{**row, "name": names.get(row["item_id"])} for row in rows.to_dicts()],
    }


def _members(log: KpiLog, group: KpiGroup | None) -> Bools:
    """The customers of the report.  Raises BadInput for a small group."""
    if group is None:
        return np.ones(log.n_customers, bool)
    if group.members.sum() < MIN_GROUP:
        raise BadInput(f"segment {group.name!r}: fewer than {MIN_GROUP} customers; figures of so few are not shown")
    return group.members


def _head(log: KpiLog, whole: Period, group: KpiGroup | None) -> dict[str, Any]:
    segment = None
    if group is not None:
        n = int(group.members.sum())
        segment = {"name": group.name, "customers": n, "members_as_of": group.members_as_of_ms}
    return {
        "as_of": log.as_of_ms,
        "from": whole.start_ms,
        "to": whole.end_ms,
        "segment": segment,
        "not_counted": NOT_COUNTED,
    }


def _period(question: Question) -> dict[str, Any]:
    period = question.period
    figures = {name: figure._asdict() for name, figure in measure_all(question).items()}
    is_over = period.end_ms <= question.log.as_of_ms
    return {"from": period.start_ms, "to": period.end_ms, "is_over": is_over, "figures": figures}
