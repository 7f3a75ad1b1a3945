"""Page builder for the rates of shown lists: dismissals, clicks, purchases and money by placement, source and day."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from eval.report.charts import Chart, ChartRow, axis_of
from eval.report.formatting import PER_CENT, percent, plain
from eval.report.page import Fold, Page, PagePart, PageSection
from eval.report.ranking_report import Cell, EvaluationRecord, ReportTable
from eval.stats.bootstrap import Estimate
from recsys.customers.kpis.list_rates import RATES, REST, By, GroupRates, Rate, RatesReport
from recsys.time_units import second

TITLES: Mapping[By, str] = {"placement": "By place in the shop", "source": "By source of the items", "day": "By day"}
MONEY = "money_per_list"
LABELS = {
    "dismiss_rate": ("Dismissed", "share of the shown items that a customer dismissed"),
    "click_rate": ("Clicked", "share of the shown items that a customer clicked"),
    "buy_rate": ("Bought", "share of the shown items that a customer bought"),
    MONEY: ("Money of a list", "money of the purchases that belong to a list"),
}
GLOSSARY = {
    "dismissed": "The customer said that they do not want to see the item.",
    "source": "The model or rule of thumb that put the item into the list.",
    "95 % interval": "Where the rate would lie for other customers of the same kind, 95 times of 100. All lists of one "
    "customer go together.",
    REST: "Groups of fewer than 20 customers are not told one by one.",
}


def build_page(report: RatesReport, now: datetime) -> Page:
    """The whole page."""
    whole = report.all
    return Page(
        title="How satisfied are customers with their lists?",
        verdict=f"Of 1,000 shown items, {_in(whole.click_rate)} were clicked, {_in(whole.buy_rate)} bought and "
        f"{_in(whole.dismiss_rate)} dismissed.",
        headline=[
            f"{whole.customers:,} customers got {whole.lists:,} lists with {whole.shown:,} items.",
            f"A list led to purchases of {_money(whole.money_per_list)} on average; in brackets the 95 % interval.",
        ],
        question="",
        answers=[],
        warnings=[],
        sections=[_section(by, groups) for by, groups in report.by.items()],
        caveats=[
            "A purchase belongs to the last list that showed the item before it. The customer might have bought it "
            "without the list: only an experiment says what a list brings.",
            "Places and sources show different items to different customers, so that a lower rate is not a fault.",
        ],
        record=_record(report, now),
        glossary=GLOSSARY,
    )


def _record(report: RatesReport, now: datetime) -> EvaluationRecord:
    return EvaluationRecord(
        facts={
            "From": second(report.since_ms),
            "To": second(report.until_ms),
            "An event belongs to a list for": f"{report.hours:g} hours",
        },
        exclusions=[],
        tables=[_table(by, groups) for by, groups in report.by.items()],
        figures=ReportTable(
            "Rates",
            (
                "by",
                "group",
                "customers",
                "lists",
                "shown",
                *(f"{name} {end}" for name in RATES for end in Rate._fields),
            ),
            [
                (
                    by,
                    each.group,
                    each.customers,
                    each.lists,
                    each.shown,
                    *(x for name in RATES for x in getattr(each, name)),
                )
                for by, groups in report.by.items()
                for each in groups
            ],
        ),
        settings={},
        data=report.to_json(),
        run_id=f"lists-{report.until_ms}",
        made_at=f"{now:%Y-%m-%d %H:%M}",
    )


def _section(by: By, groups: Sequence[GroupRates]) -> PageSection:
    parts: list[PagePart] = []
    for at, (name, (title, unit)) in enumerate(LABELS.items()):
        estimates = [Estimate(*getattr(each, name)) for each in groups]
        axis = axis_of(estimates)
        rows = [
            ChartRow(each.group, "ours", [axis.mark("bar", "ours", estimate)], _text(name, getattr(each, name)))
            for each, estimate in zip(groups, estimates, strict=True)
        ]
        chart = Chart(f"{by}-{name}", title, unit, rows, axis.ticks(is_share=name != MONEY))
        parts.append(chart if at == 0 else Fold(f"{title}: {unit}", [chart]))
    return PageSection(by, TITLES[by], parts)


def _table(by: By, groups: Sequence[GroupRates]) -> ReportTable:
    columns = (by, "customers", "lists", "items", *(title for title, _ in LABELS.values()))
    rows: list[tuple[Cell, ...]] = [
        (
            each.group,
            f"{each.customers:,}",
            f"{each.lists:,}",
            f"{each.shown:,}",
            *(_text(name, getattr(each, name)) for name in LABELS),
        )
        for each in groups
    ]
    return ReportTable(TITLES[by], columns, rows, "In brackets the 95 % interval.")


def _text(name: str, rate: Rate) -> str:
    return _money(rate) if name == MONEY else f"{percent(rate.value)} ({_points(rate.low)}–{_points(rate.high)})"


def _points(share: float) -> str:
    return percent(share).removesuffix(PER_CENT)


def _money(rate: Rate) -> str:
    return f"{plain(rate.value, 2)} ({plain(rate.low, 2)}–{plain(rate.high, 2)})"


def _in(rate: Rate) -> str:
    return plain(1_000 * rate.value, 0 if rate.value >= 0.01 else 1)
