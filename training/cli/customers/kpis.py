"""Commands `recsys kpis`, `recsys cohorts` and `recsys expected-units`; the first is a job that raises alarms, too."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import CliContext
from recsys.cli.jobs.recorded import COMMAND_LINE, Cause, recorded_job
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.cli.registration import register_command
from recsys.time_units import DAY_MS, date, milliseconds, minute

if TYPE_CHECKING:
    from recsys.customers.kpis.log import KpiLog
    from recsys.customers.kpis.members import KpiGroup
    from recsys.customers.kpis.report import Selection
    from recsys.data.store.base import Store

Since = Annotated[datetime | None, typer.Option("--from", help="First day (UTC); without it, the last 12 periods.")]
Until = Annotated[datetime | None, typer.Option("--to", help="Day (UTC) before which it ends; without it, the last.")]
Segment = Annotated[
    str | None, typer.Option("--segment", help="Only these: stage:loyal, rfm:champions, abc:A, or a saved segment.")
]
Csv = Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write the table to this file.")]
PANEL = "Ask"


def register_kpis(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    for command in (kpis, cohorts, expected_units):
        register_command(app, command, panel=PANEL, is_job=True)


def kpis(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    by: Annotated[str, typer.Option(help="day, week or month.")] = "week",
    segment: Segment = None,
    csv: Csv = None,
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Key figures of customers by day, week or month: basket, repurchase, retention, churn, cross-selling, funnel, NPS.

    Each figure has its interval of 95 %, the customers it rests on, and a definition (--json has all of them). The last
    week stands beside its alarm band; with --cause, that is kept as a run, and a figure outside is notified.

    Example: recsys kpis --from 2017-10-01 --to 2018-01-01 --by month

    Example: recsys kpis --segment stage:loyal --csv loyal.csv
    """
    report = _report(ctx.obj, _selection(since, until, by), segment, cause)
    if csv is not None:
        _write(csv, ["from", "to", "name", "value", "low", "high", "n", "unknown"], _figure_rows(report))
    if as_json:
        print_json(report)
    elif csv is None:
        _print_report(report)


def cohorts(
    ctx: typer.Context,
    since: Since = None,
    until: Until = None,
    segment: Segment = None,
    csv: Csv = None,
    as_json: AsJson = False,
) -> None:
    """Cohort triangle: customers by the month of their first order, and how many of them order in each later month.

    Example: recsys cohorts --csv cohorts.csv
    """
    from recsys.customers.kpis.log import read_kpi_log
    from recsys.customers.kpis.report import cohort_report

    selection, find_group = _selection(since, until, "month"), _group_finder(ctx.obj, segment)
    selection.check()
    log = read_kpi_log(ctx.obj.existing_store(), ctx.obj.home, ctx.obj.file)
    at_ms = log.begins_ms if selection.since_ms is None else selection.since_ms
    report = cohort_report(log, selection, find_group(log, at_ms))
    rows = [
        (date(row["month"] / DAY_MS), row["customers"], each["months_later"], each["value"], each["low"], each["high"])
        for row in report["cohorts"]
        for each in row["retention"]
    ]
    if csv is not None:
        _write(csv, ["month", "customers", "months_later", "retention", "low", "high"], rows)
    if as_json:
        print_json(report)
    elif csv is None:
        _print_cohorts(report)


def expected_units(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="Items with the most units.")] = 20,
    csv: Csv = None,
    as_json: AsJson = False,
) -> None:
    """Units of each item in the next four weeks, with an interval of 80 % and the error that such figures had.

    Example: recsys expected-units --csv units.csv
    """
    from recsys.customers.kpis.counted.rows import count_lines
    from recsys.customers.kpis.report import units_report
    from recsys.customers.population import read_population

    people = read_population(ctx.obj.existing_store(), ctx.obj.file)
    report = units_report(count_lines(people), people.items, None if csv is not None else limit)
    if csv is not None:
        names = ["item_id", "units", "low", "high", "error"]
        _write(csv, names, [tuple(item[name] for name in names) for item in report["items"]])
        report = {**report, "items": report["items"][:limit]}
    if as_json:
        print_json(report)
        return
    if csv is None:
        cells = [
            (item["item_id"], *(f"{item[name]:,.1f}" for name in ("units", "low", "high", "error")))
            for item in report["items"]
        ]
        print_table(("item", "units in 4 weeks", "low", "high", "usual error"), cells)
    inside = "" if report["coverage"] is None else f"; {report['coverage']:.0%} of the items were in their interval"
    wrong = f"wrong by {report['error']:.0%} of the units in back-tests{inside}"
    typer.echo(f"{report['n_items']:,} items, {report['method']}, as of {minute(report['as_of'])} UTC; {wrong}")


def _selection(since: datetime | None, until: datetime | None, by: str) -> "Selection":
    from recsys.config import spelling_hint
    from recsys.customers.kpis.periods import UNITS
    from recsys.customers.kpis.report import Selection
    from recsys.errors import BadInput

    for unit in UNITS:
        if unit == by:
            since_ms, until_ms = (None if moment is None else milliseconds(moment) for moment in (since, until))
            return Selection(since_ms, until_ms, unit)
    raise BadInput(f"by {by}: use day, week or month; {spelling_hint(by, UNITS)}")


def _report(context: CliContext, selection: "Selection", segment: str | None, cause: str) -> dict[str, Any]:
    """The report; with a cause, its alarms are kept and notified as a run."""
    from training.kpi_alarms import raise_alarms

    store = context.existing_store()
    if cause == COMMAND_LINE:
        return _read_report(context, store, selection, segment)
    with recorded_job(context, store, "kpis", cause) as run:
        report = _read_report(context, store, selection, segment)
        raise_alarms(store, run, report)
    return report


def _read_report(context: CliContext, store: "Store", selection: "Selection", segment: str | None) -> dict[str, Any]:
    from recsys.customers.kpis.log import read_kpi_log
    from recsys.customers.kpis.report import kpi_report

    selection.check()
    find_group = _group_finder(context, segment)
    log = read_kpi_log(store, context.home, context.file)
    return kpi_report(log, selection, find_group(log, selection.start_ms(log)))


def _group_finder(context: CliContext, segment: str | None) -> "Callable[[KpiLog, int], KpiGroup | None]":
    """How the group of that name is found in a log: one that the log says as of the moment, a saved one as of now.

    Raises BadInput for a name that there is not, before the log is read.
    """
    from recsys.customers.kpis.members import built_in_group, check_built_in, is_built_in, saved_group
    from recsys.customers.kpis.report import read_plan

    if segment is None:
        return lambda log, at_ms: None
    if is_built_in(segment):
        plan = read_plan(context.file)
        check_built_in(plan, segment)
        return lambda log, at_ms: built_in_group(log, plan, segment, at_ms)
    from recsys.cli.customers.segments import live_population
    from recsys.ranking.segments.evaluation import members
    from recsys.ranking.segments.repository import open_segment_repository

    repository = open_segment_repository(context.home, context.file)
    saved = repository.last_valid()
    condition, population = repository.condition(segment, saved), live_population(context)
    rows = members(condition, population, saved.conditions()).nonzero()[0].tolist()
    user_ids = [population.user_ids[row] for row in rows]
    return lambda log, at_ms: saved_group(log, segment, user_ids, population.as_of_ms)


def _figure_rows(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (
            date(period["from"] / DAY_MS),
            date(period["to"] / DAY_MS),
            name,
            *(figure[key] for key in ("value", "low", "high", "n", "unknown")),
        )
        for period in report["periods"]
        for name, figure in period["figures"].items()
    ]


def _write(file: Path, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    import polars as pl

    from recsys.data.files.spreadsheet_csv import write_csv

    write_csv(pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None), file)
    typer.echo(f"{len(rows):,} rows written to {file}", err=True)


def _print_report(report: dict[str, Any]) -> None:
    """A row per figure: the last periods, the interval of the last one, and where it stands in its band."""
    console, periods = plain_console(), report["periods"][-4:]
    group = report["segment"]
    whom = (
        "all customers"
        if group is None
        else f"{group['name']}, {group['customers']:,} customers as of {date(group['members_as_of'] / DAY_MS)}"
    )
    console.print(f"Key figures by {report['by']} of {whom}; as of {minute(report['as_of'])} UTC")
    rows = []
    for kpi in report["definitions"]:
        figures = [period["figures"][kpi["name"]] for period in periods]
        if all(figure["value"] is None for figure in figures):
            continue
        known = next(figure for figure in reversed(figures) if figure["value"] is not None)
        interval = f"{_number(known['low'], kpi['unit'])} to {_number(known['high'], kpi['unit'])}"
        rows.append((kpi["title"], *(_number(each["value"], kpi["unit"]) for each in figures), interval))
    print_table(("figure", *(date(period["from"] / DAY_MS) for period in periods), "interval of the last"), rows)
    _print_alarms(report)
    last = next((period for period in reversed(periods) if period["is_over"]), periods[-1])
    titles: dict[str, list[str]] = {}
    for kpi in report["definitions"]:
        if reason := last["figures"][kpi["name"]]["unknown"]:
            titles.setdefault(reason, []).append(kpi["title"])
    for reason, unknown in titles.items():
        console.print(f"not known: {', '.join(unknown)}: {reason}")
    console.print(report["not_counted"])


def _print_alarms(report: dict[str, Any]) -> None:
    """The row of alarms: the figures of the last week outside their bands."""
    units = {kpi["name"]: kpi["unit"] for kpi in report["definitions"]}
    outside = [each for each in report["watch"] if each["is_outside"]]
    week = date(report["watch"][0]["week"]["from"] / DAY_MS)
    for each in outside:
        value, low, high = (_number(each[key], units[each["name"]]) for key in ("value", "low", "high"))
        words = f"{each['name'].replace('_', ' ')} is {value}, outside its band from {low} to {high}"
        typer.secho(f"alarm, week of {week}: {words}", fg=typer.colors.RED)
    if not outside:
        n = sum(each["low"] is not None for each in report["watch"])
        typer.echo(f"week of {week}: {n} figures with a band, all inside")


def _print_cohorts(report: dict[str, Any]) -> None:
    longest = max((len(row["retention"]) for row in report["cohorts"]), default=0)
    rows = [
        (
            date(row["month"] / DAY_MS)[:7],
            f"{row['customers']:,}",
            *(f"{each['value']:.0%}" for each in row["retention"]),
            *[""] * (longest - len(row["retention"])),
        )
        for row in report["cohorts"]
    ]
    print_table(("first order", "customers", *(f"+{place}" for place in range(longest))), rows)
    console = plain_console()
    console.print(report["definition"])
    console.print(report["not_counted"])


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "share":
        return f"{value:.1%}"
    return f"{value:,.0f}" if unit in ("customers", "orders", "points") else f"{value:,.2f}"
