"""Commands `recsys export`: the lists of all customers, and the tables of the shop, as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import server_config
from recsys.cli.completion import PlacementOption
from recsys.cli.count_progress import count_progress
from recsys.cli.output import AsJson, print_json
from recsys.cli.registration import register_group
from recsys.time_units import now_ms

if TYPE_CHECKING:
    from api.export.recommendations import ExportSummary

OutOption = Annotated[str, typer.Option(show_default=False, help="The file to write: .csv, .jsonl or .parquet.")]
CountOption = Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items for each customer.")]
UsersOption = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="Only these customers: an id a line, or a table with a column user_id."),
]
SegmentOption = Annotated[
    list[str] | None, typer.Option(help="Only customers with NAME=VALUE among their attributes; several must all fit.")
]
WhereOption = Annotated[
    str | None, typer.Option(help="Only customers whose attributes pass this filter, as JSON; see docs/api.md.")
]
MarketingOption = Annotated[
    bool, typer.Option("--marketing", help="Only customers who refused neither marketing nor personalisation.")
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes; as many as there are cores when left out.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    text = "Write the lists of all customers, or a table of the shop, to a file."
    register_group(app, "export", (recommendations,), panel="Data", help=text)


def recommendations(
    context: typer.Context,
    out: OutOption,
    placement: PlacementOption = "home",
    k: CountOption = 20,
    users: UsersOption = None,
    segment: SegmentOption = None,
    where: WhereOption = None,
    marketing: MarketingOption = False,
    workers: WorkersOption = None,
    as_json: AsJson = False,
) -> None:
    """The list of every customer, as the service would answer it now.

    Stopped at any point and run again, it goes on where it was.  The file appears when it is whole.

    Example: recsys export recommendations --placement home -k 20 --out lists.parquet --segment country=AT
    """
    from api.export.customers import chosen_customers, parse_segment
    from api.export.plan import ListExport
    from api.export.recommendations import export_recommendations
    from recsys.data.files.destination import Destination
    from recsys.ranking.filters.parser import parse_filter_text
    from recsys.threads import available_cores

    destination = Destination(out)
    choice = chosen_customers(users, parse_segment(segment or ()), None if where is None else parse_filter_text(where))
    export = ListExport(
        placement, k, destination.table_format.name, choice.text, is_named=choice.is_named, needs_consent=marketing
    )
    with count_progress("customers") as progress:
        summary = export_recommendations(
            server_config(context),
            export,
            choice.user_ids,
            destination,
            now_ms=now_ms(),
            n_workers=workers or available_cores(),
            progress=progress,
        )
    if as_json:
        print_json(summary)
    else:
        _print(summary)


def _print(summary: "ExportSummary") -> None:
    if summary.started_again:
        typer.echo(f"began again, because this changed since the last run: {', '.join(summary.started_again)}")
    if summary.resumed:
        typer.echo(f"{summary.resumed:,} customers were there from the last run")
    speed = f"{summary.seconds:.1f} s, {summary.customers_per_s:,.0f} customers/s"
    typer.echo(f"{summary.customers:,} customers, {summary.rows:,} items to {summary.file} ({speed})")
    levels = ", ".join(f"{n:,} {level}" for level, n in summary.fallbacks.most_common())
    typer.echo(f"{levels}; model {summary.model_version}")
