"""Command `recsys shown`: items of logged answers, with the outcomes attributed to them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from recsys.cli.context import CliContext
from recsys.cli.output import AsJson, print_json, print_table
from recsys.errors import BadInput
from recsys.time_units import DAY_MS, milliseconds, now_ms, second

if TYPE_CHECKING:
    import polars as pl

    from recsys.customers.kpis.list_rates import By, GroupRates, RatesReport
    from recsys.data.answer_log.answer_log import LoggedItem

_NAMES = (
    "position",
    "item_id",
    "source",
    "score",
    "probability",
    "clicked",
    "carted",
    "bought",
    "dismissed",
    "revenue",
)


def shown(
    context: typer.Context,
    request_id: Annotated[
        str | None, typer.Argument(help="Id of one answer, as it stands in the answer; left out for all since --since.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="First moment, such as 2026-03-01, UTC; a day ago when left out.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Before that moment, UTC; now when left out.")] = None,
    csv: Annotated[Path | None, typer.Option(dir_okay=False, help="Write every place of every answer there.")] = None,
    hours: Annotated[float, typer.Option(min=0, help="How long after it an event may belong to an answer.")] = 24.0,
    by: Annotated[
        str | None,
        typer.Option(help="Rates instead of sums, with intervals: placement, source, day, or several with commas."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a page with the rates: one HTML file with charts.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What one answer showed, place by place: source, score, probability, and what was clicked and bought then.

    Without a REQUEST_ID, the sums of all answers since a moment, by placement and source: answers, items shown, clicks,
    purchases and revenue.  --csv writes every place of every answer.  With --by, how satisfied customers are: the
    shares of shown items that were dismissed, clicked and bought, and the money of a list, each with its 95 % interval;
    groups of fewer than 20 customers are not told.

    Examples: recsys shown 5f0c1b-1a    recsys shown    recsys shown --since 2026-03-01 --csv shown.csv
    recsys shown --since 2026-03-01 --by placement,day --html lists.html
    """
    from recsys.data.files.spreadsheet_csv import write_csv

    cli = cast(CliContext, context.obj)
    if request_id is not None and (since, until, by, html) != (None,) * 4:
        raise BadInput("--since, --until, --by and --html are for all answers of a time; leave them out beside an id")
    times = _times(since, until)
    table = _table(cli, _items(cli, request_id, times), hours)
    if table.is_empty():
        nothing = f"under {request_id!r}" if request_id else "in that time; name an earlier --since"
        raise BadInput(f"nothing was shown {nothing}")
    if csv is not None:
        write_csv(table, csv)
    if by is not None or html is not None:
        _show_rates(rates_report(table, _groupings(by), times, hours), html, as_json=as_json)
    elif as_json:
        _print_json(table, csv, is_single=request_id is not None)
    elif csv is not None:
        typer.echo(f"{len(table)} places of {table['request_id'].n_unique()} answers to {csv}")
    else:
        _print(table, is_single=request_id is not None)


def _items(cli: CliContext, request_id: str | None, times: tuple[int, int]) -> "list[LoggedItem]":
    """The logged items of one answer, or of all answers of a time.  Raises BadInput without a log."""
    from recsys.data.answer_log.answer_log import open_answer_log

    log = open_answer_log(cli.home)
    if log is None:
        raise BadInput(f"{cli.home}: nothing was written down yet; [serve] log_answers = true and `recsys serve`")
    with closing(log):
        return list(log.request_items(request_id) if request_id else log.items_between(*times))


def rates_report(table: "pl.DataFrame", by: "Sequence[By]", times: tuple[int, int], hours: float) -> "RatesReport":
    """The rates of all lists and by each of these, once.  Raises NotEnoughData."""
    from recsys.customers.kpis.list_rates import RatesReport, all_rates, list_rates

    groups = {each: list_rates(table, each) for each in by}
    return RatesReport(*times, hours, all_rates(table), groups)


def _groupings(words: str | None) -> "list[By]":
    """The names, each once; all without any.  Raises BadParameter."""
    from recsys.customers.kpis.list_rates import BYS

    names = [*BYS] if words is None else [word.strip() for word in words.split(",")]
    wrong = [name for name in names if name not in BYS]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r}: one of {', '.join(BYS)}, or several with commas", param_hint="--by")
    return [by for by in BYS if by in names]


def _show_rates(report: "RatesReport", html: Path | None, *, as_json: bool) -> None:
    """Writes the page if there is one to write; prints the rates if not, or as JSON."""
    from eval.report.builders.list_rates import build_page
    from eval.report.html import write_page

    if html is not None:
        write_page(build_page(report, datetime.now(UTC)), html)
    if as_json or html is None:
        _print_rates(report, as_json=as_json)


def _print_rates(report: "RatesReport", *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_json())
        return
    names = ("customers", "lists", "shown", "dismissed", "clicked", "bought", "money of a list")
    for by, groups in report.by.items():
        rows = [(each.group, f"{each.customers:,}", f"{each.lists:,}", f"{each.shown:,}", *_rate_cells(each))
                for each in (report.all, *groups)]  # fmt: skip
        print_table((by, *names), rows)


def _rate_cells(group: "GroupRates") -> Iterator[str]:
    for rate in (group.dismiss_rate, group.click_rate, group.buy_rate):
        yield f"{rate.value:.2%} ({rate.low:.2%} to {rate.high:.2%})"
    money = group.money_per_list
    yield f"{money.value:,.2f} ({money.low:,.2f} to {money.high:,.2f})"


def _times(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """First moment and the one after the last, Unix ms; without them, the last day."""
    until_ms = now_ms() + 1 if until is None else milliseconds(until)
    return until_ms - DAY_MS if since is None else milliseconds(since), until_ms


def _print_json(table: "pl.DataFrame", csv: Path | None, *, is_single: bool) -> None:
    from recsys.data.answer_log.attribution import summarize_by_placement

    if csv is not None:
        print_json({"file": str(csv), "places": len(table), "answers": table["request_id"].n_unique()})
    else:
        print_json((table if is_single else summarize_by_placement(table)).to_dicts())


def _table(cli: CliContext, items: "Iterable[LoggedItem]", hours: float) -> "pl.DataFrame":
    import polars as pl

    from recsys.data.answer_log.attribution import attribute_outcomes

    rows = list(items)
    first_ms = min((row.at_ms for row in rows), default=0)
    with closing(cli.existing_store()) as store:
        recent = (frame.filter(pl.col("at_ms") >= first_ms) for frame in store.scan())
        return attribute_outcomes(rows, recent, hours=hours)


def _print(table: "pl.DataFrame", *, is_single: bool) -> None:
    from recsys.data.answer_log.attribution import summarize_by_placement

    if not is_single:
        _print_table(summarize_by_placement(table))
        return
    first = table.row(0, named=True)
    typer.echo(f"{first['placement']} for {first['user_id'] or 'a visitor'}, {second(first['at_ms'])}")
    _print_table(table.select(_NAMES))
    typer.echo(f"{first['fallback']}; model {first['model_version']}")


def _print_table(table: "pl.DataFrame") -> None:
    rows = ([f"{x:.3g}" if isinstance(x, float) else str(x) for x in row] for row in table.iter_rows())
    print_table(table.columns, rows)
