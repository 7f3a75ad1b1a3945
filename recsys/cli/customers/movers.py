"""Command `recsys movers`: items that sell more or less than before."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from recsys.cli.output import AsJson, print_json, print_table
from recsys.time_units import DAY_MS, date, milliseconds

SHOWN = 20
COLUMNS = ("item_id", "name", "before", "after", "difference", "low", "high", "change", "customers", "is_clear")


def movers(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=400, help="Length of both windows.")] = 28,
    back: Annotated[
        int | None, typer.Option(min=1, max=2_000, help="Days between them, such as 364.", show_default="as --days")
    ] = None,
    to: Annotated[
        datetime | None, typer.Option("--to", help="Day (UTC) before which the later one ends; else the log's end.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Items, the surest first.")] = SHOWN,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write all items to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Items whose units rose or fell between two windows, with the interval of the difference; the surest first.

    Clear are those that are more than chance among so many items. Items of fewer than 20 customers are left out.

    Example: recsys movers --days 28 --back 364 --csv movers.csv
    """
    from recsys.customers.kpis.counted.rows import count_lines
    from recsys.customers.kpis.movers import movers_report, windows
    from recsys.customers.population import read_population

    people = read_population(ctx.obj.existing_store(), ctx.obj.file)
    lines = count_lines(people)
    periods = windows(lines.last_ms + 1 if to is None else milliseconds(to), days, back or days)
    items = {item.item_id: item for item in people.items}
    report = movers_report(lines.paid, items, periods, len(lines.users), None if csv is not None else limit)
    if csv is not None:
        _write(csv, report["items"])
        report = {**report, "items": report["items"][:limit]}
    if as_json:
        print_json(report)
        return
    if csv is None:
        head = ("item", "name", "before", "after", "difference", "95 %", "customers", "")
        print_table(head, map(_cells, report["items"]))
    typer.echo(_summary(report))


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    import polars as pl

    from recsys.data.files.spreadsheet_csv import write_csv

    table = [tuple(row[name] for name in COLUMNS) for row in rows]
    write_csv(pl.DataFrame(table, schema=list(COLUMNS), orient="row", infer_schema_length=None), file)
    typer.echo(f"{len(rows):,} rows written to {file}", err=True)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    change = "new" if row["change"] is None else f"{row['change']:+.0%}"
    figures = (f"{row['before']:,.0f}", f"{row['after']:,.0f}", f"{row['difference']:+,.0f} ({change})")
    interval = f"{row['low']:+,.0f} to {row['high']:+,.0f}"
    clear = "clear" if row["is_clear"] else ""
    return (row["item_id"], row["name"] or "", *figures, interval, f"{row['customers']:,}", clear)


def _summary(report: dict[str, Any]) -> str:
    spans = [f"{date(each['from'] / DAY_MS)} to {date(each['to'] / DAY_MS)}" for each in report["windows"].values()]
    shop = report["shop"]
    whole = f"all items: {shop['before']:,.0f} units, then {shop['after']:,.0f}"
    interval = f"difference {shop['low']:+,.0f} to {shop['high']:+,.0f}"
    clear = f"{report['n_clear']:,} of {report['n_items']:,} items moved clearly"
    return f"{clear}; {' against '.join(spans)}; {whole}, {interval}"
