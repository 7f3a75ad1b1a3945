"""Commands `recsys export`: the lists of all customers, and the tables of the shop, as files."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from api.cli.context import server_config
from recsys.cli.completion import PlacementOption
from recsys.cli.context import CliContext, live_recommender
from recsys.cli.count_progress import count_progress
from recsys.cli.jobs.recorded import COMMAND_LINE, Cause, recorded_job
from recsys.cli.output import AsJson, print_json
from recsys.cli.recommend import (
    AudienceTerms,
    ChannelOption,
    CustomersOption,
    DaysOption,
    condition_members,
    find_members,
    members_frame,
)
from recsys.cli.recommend import WhereOption as ItemWhereOption
from recsys.cli.registration import register_group
from recsys.time_units import milliseconds, now_ms

if TYPE_CHECKING:
    from api.export.customers import Segments
    from api.export.recommendations import ExportSummary
    from api.export.tables import Table
    from recsys.data.entities import User
    from recsys.jobs.runs import OpenRun
    from recsys.ranking.filters.expression import Where

OutOption = Annotated[
    str, typer.Option(show_default=False, help="The file to write: .csv, .jsonl or .parquet; or s3://BUCKET/NAME.")
]
CountOption = Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items for each customer.")]
UsersOption = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="Only these customers: an id a line, or a table with a column user_id."),
]
SegmentOption = Annotated[
    list[str] | None,
    typer.Option(help="Only customers of this saved segment, or with NAME=VALUE among their attributes; all must fit."),
]
WhereOption = Annotated[
    str | None, typer.Option(help="Only customers whose attributes pass this filter, as JSON; see docs/api.md.")
]
MarketingOption = Annotated[
    bool, typer.Option("--marketing", help="Only customers who refused neither marketing nor personalisation.")
]
FiguresOption = Annotated[
    bool, typer.Option("--figures", help="Their figures of the live release (orders, stage, value) in place of these.")
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes; as many as there are cores when left out.")
]

FIGURES_ROWS = 100_000


def register(app: typer.Typer) -> None:
    """Adds the commands to `recsys`."""
    text = "Write the lists of all customers, or a table of the shop, to a file."
    register_group(app, "export", (recommendations, audience, events, items, people), panel="Data", help=text)


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
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """The list of every customer, as the service would answer it now.

    Stopped at any point and run again, it goes on where it was.  The file appears when it is whole.

    Example: recsys export recommendations --placement home -k 20 --out lists.parquet --segment country=AT
    """
    from api.export.customers import chosen_customers
    from api.export.plan import ListExport
    from api.export.recommendations import export_recommendations
    from recsys.data.files.destination import Destination
    from recsys.threads import available_cores

    destination = Destination(out)
    choice = chosen_customers(users, _segments(context, segment), _where(where))
    export = ListExport(
        placement, k, destination.table_format.name, choice.text, is_named=choice.is_named, needs_consent=marketing
    )
    cli, config = cast(CliContext, context.obj), server_config(context)
    with _recorded(cli, cause, "recommendations") as run, count_progress("customers") as progress:
        summary = export_recommendations(
            config,
            export,
            choice.user_ids,
            destination,
            now_ms=now_ms(),
            n_workers=workers or available_cores(),
            progress=progress,
        )
        run.version = summary.model_version
        run.result |= {"file": summary.file, "customers": summary.customers, "rows": summary.rows}
    if as_json:
        print_json(summary)
    else:
        _print(summary)


def audience(
    context: typer.Context,
    out: OutOption,
    item: Annotated[str | None, typer.Argument(help="Id of the item; left out with --where.")] = None,
    where: ItemWhereOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many customers at most.")] = 100,
    segment: CustomersOption = None,
    days: DaysOption = 28.0,
    channel: ChannelOption = None,
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """The customers most likely to buy an item, as `recsys audience` finds them.

    Example: recsys export audience 1082185 --limit 5000 --out campaign.csv
    """
    from api.export.tables import frames_table

    cli = cast(CliContext, context.obj)
    with _recorded(cli, cause, "audience") as run:
        frame = members_frame(find_members(cli, item, where, AudienceTerms(limit, segment, days, channel)))
        _export(cli, frames_table(lambda: [frame], frame.schema, len(frame)), out, run, as_json=as_json)


def events(
    context: typer.Context,
    out: OutOption,
    since: Annotated[datetime | None, typer.Option(help="First moment, such as 2026-03-01, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before that moment, UTC.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only events of this kind; may be given again.")] = None,
    segment: CustomersOption = None,
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """The event log, under the names that an import reads.  Without what was erased or may not be kept.

    Example: recsys export events --since 2026-03-01 --kind purchase --out purchases.parquet
    """
    from api.export.tables import events_table

    cli = cast(CliContext, context.obj)
    since_ms, until_ms = (None if moment is None else milliseconds(moment) for moment in (since, until))
    with _recorded(cli, cause, "events") as run:
        user_ids = None if segment is None else _members(cli, segment)
        table = events_table(
            cli.existing_store(), since_ms=since_ms, until_ms=until_ms, kinds=kind or (), user_ids=user_ids
        )
        _export(cli, table, out, run, as_json=as_json)


def items(context: typer.Context, out: OutOption, cause: Cause = COMMAND_LINE, as_json: AsJson = False) -> None:
    """The items of the shop, with a column for each attribute.

    Example: recsys export items --out items.csv
    """
    from api.export.tables import items_table

    cli = cast(CliContext, context.obj)
    with _recorded(cli, cause, "items") as run:
        _export(cli, items_table(cli.existing_store()), out, run, as_json=as_json)


def people(
    context: typer.Context,
    out: OutOption,
    segment: SegmentOption = None,
    where: WhereOption = None,
    marketing: MarketingOption = False,
    figures: FiguresOption = False,
    cause: Cause = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Customers with their consent and a column for each attribute, or with the figures of the live release.

    Example: recsys export people --segment country=AT --marketing --out people.csv

    Example: recsys export people --figures --out people.parquet
    """
    from api.export.customers import chosen_users, consenting
    from api.export.tables import frames_table, people_table
    from recsys.cli.customers.everybody import named_people

    cli, chosen = cast(CliContext, context.obj), chosen_users(_segments(context, segment), _where(where))
    with _recorded(cli, cause, "people") as run:
        store = cli.existing_store()

        def users() -> "Iterable[User]":
            return consenting(chosen(store)) if marketing else chosen(store)

        if figures:
            frame = named_people(cli)
            if segment or where or marketing:
                frame = frame.filter(frame["user_id"].is_in({user.user_id for user in users()}))
            table = frames_table(lambda: frame.iter_slices(FIGURES_ROWS), frame.schema, len(frame))
        else:
            table = people_table(users)
        _export(cli, table, out, run, as_json=as_json)


@contextmanager
def _recorded(cli: CliContext, cause: str, table: str) -> Iterator["OpenRun"]:
    with recorded_job(cli, cli.existing_store(), "export", cause) as run:
        run.result["table"] = table
        yield run


def _export(cli: CliContext, table: "Table", out: str, run: "OpenRun", *, as_json: bool) -> None:
    from api.export.tables import export_table
    from recsys.data.files.destination import Destination

    with count_progress("rows") as progress:
        summary = export_table(table, Destination(out), cli.home, progress)
    run.result |= {"file": summary.file, "rows": summary.rows}
    if as_json:
        print_json(summary)
    else:
        typer.echo(f"{summary.rows:,} rows to {summary.file} ({summary.seconds:.1f} s)")


def _segments(context: typer.Context, texts: list[str] | None) -> "Segments":
    """Attributes with their values, and the members of the saved segments that are named."""
    from api.export.customers import Segments, parse_segment

    attributes = parse_segment(text for text in texts or () if "=" in text)
    names = [text for text in texts or () if "=" not in text]
    cli = cast(CliContext, context.obj)
    return Segments(attributes, tuple((name, _members(cli, name)) for name in names))


def _members(cli: CliContext, text: str) -> frozenset[str]:
    """The customers of a saved segment or a condition."""
    store = cli.existing_store()
    recommender = live_recommender(cli, store)
    users = recommender.engine.users
    return frozenset(users[row] for row in condition_members(cli, text, recommender, store).nonzero()[0].tolist())


def _where(text: str | None) -> "Where | None":
    from recsys.ranking.filters.parser import parse_filter_text

    return None if text is None else parse_filter_text(text)


def _print(summary: "ExportSummary") -> None:
    if summary.started_again:
        typer.echo(f"began again, because this changed since the last run: {', '.join(summary.started_again)}")
    if summary.resumed:
        typer.echo(f"{summary.resumed:,} customers were there from the last run")
    speed = f"{summary.seconds:.1f} s, {summary.customers_per_s:,.0f} customers/s"
    typer.echo(f"{summary.customers:,} customers, {summary.rows:,} items to {summary.file} ({speed})")
    levels = ", ".join(f"{n:,} {level}" for level, n in summary.fallbacks.most_common())
    typer.echo(f"{levels}; model {summary.model_version}")
