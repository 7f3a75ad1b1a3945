"""Commands `recsys customers`: the table of all customers as a file, and the customer summary."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import CliContext, live_recommender
from recsys.cli.customers.changes import changes
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.cli.registration import register_group
from recsys.errors import BadInput
from recsys.time_units import minute

if TYPE_CHECKING:
    import polars as pl

    from recsys.ranking.recommender import Recommender


def register_customers(app: typer.Typer) -> None:
    """Adds `recsys customers`."""
    text = "Customers of the live release: as a list or file, and as sums."
    register_group(app, "customers", (list_, summary, clusters, changes), panel="Ask", help=text)


def list_(
    ctx: typer.Context,
    order: Annotated[str, typer.Option(help="Column to order by, the highest first; user_id rises.")] = "money",
    limit: Annotated[int, typer.Option(min=1, help="How many customers at most.")] = 20,
    fields: Annotated[str, typer.Option(help="Columns, with commas between them; all when empty.")] = "",
    where: Annotated[
        str | None, typer.Option(help="Only those who pass this condition, as JSON, or the name of a saved segment.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(dir_okay=False, help="Write all of them there as CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option(dir_okay=False, help="Write all of them there as Parquet.")] = None,
    as_json: AsJson = False,
) -> None:
    """The customers of the live release with their figures; docs/bundle-format.md says what each column means.

    Whoever refused personalisation or was erased since is not in it.

    Examples: recsys customers list --where '{"stage": "at_risk"}'    recsys customers list --csv customers.csv
    """
    from recsys.data.files.spreadsheet_csv import write_csv
    from recsys.ranking.segments.search import ordered_people

    names = tuple(name for name in fields.split(",") if name)
    people = ordered_people(named_people(ctx.obj, where), order, names)
    if csv is not None:
        write_csv(people, csv)
    if parquet is not None:
        people.write_parquet(parquet)
    if csv is not None or parquet is not None:
        files = [str(file) for file in (csv, parquet) if file is not None]
        if as_json:
            print_json({"customers": len(people), "files": files})
        else:
            typer.echo(f"{len(people):,} customers to {', '.join(files)}")
    elif as_json:
        print_json({"customers": people.head(limit).to_dicts()})
    else:
        shown = people.head(limit)
        print_table(shown.columns, ([_cell(value) for value in row] for row in shown.iter_rows()))


def summary(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Sums of all customers: groups, ABC, stages and value with the moves of four weeks, and how revenue is spread.

    What tells of fewer than 20 customers is hidden (-), and so is what would tell it by subtraction.

    Example: recsys customers summary
    """
    from recsys.customers.aggregates.summary import summarize_customers

    engine = _recommender(ctx.obj).engine
    sums = summarize_customers(engine.customers, engine.customer_scores)
    if as_json:
        print_json(sums)
        return
    console = plain_console()
    n_customers, n_buyers, revenue = (_cell(sums[name]) for name in ("customers", "buyers", "revenue"))
    head = f"{n_customers} customers, {n_buyers} with an order, revenue {revenue}"
    console.print(f"{head}, as of {minute(sums['as_of'])} UTC")
    for part in filter(sums.get, ("groups", "short_groups", "abc", "stages", "value_classes")):
        rows = [
            (each["name"].replace("_", " "), _cell(each["customers"]), _cell(each["revenue"])) for each in sums[part]
        ]
        print_table((part.replace("_", " "), "customers", "revenue"), rows)
    for part, word in {"flow": "stage", "value_flow": "value"}.items():
        if sums[part]:
            moves = ((move["from"], move["to"], _cell(move["customers"])) for move in sums[part]["moves"])
            print_table((f"{word} {sums[part]['days']} days ago", "now", "customers"), moves)
    if sums["concentration"] is not None:
        shares = sums["concentration"]["top"].items()
        best = ", ".join(f"best {share}: {part:.1%}" for share, part in shares if part is not None)
        console.print(f"Of the revenue, the {best or 'best: too few'}; Gini {sums['concentration']['gini']:.2f}")


def clusters(ctx: typer.Context, as_json: AsJson = False) -> None:
    """The clusters of the customers in words, and which numbers of clusters are stable when customers are drawn anew.

    A cluster of fewer than 20 customers is not told.  The column cluster of `recsys customers list` has the numbers.

    Example: recsys customers clusters
    """
    note = _recommender(ctx.obj).bundle.manifest.blend.get("customer_scores", {}).get("clusters", {})
    if "numbers" not in note:
        why = note.get("why_not", "it was made before clusters were kept")
        raise BadInput(f"the live release has no clusters: {why}; run `recsys train` with 200 customers or more")
    if as_json:
        print_json(note)
        return
    for number, text in enumerate(note["descriptions"]):
        typer.echo(f"{number}: {text or 'fewer than 20 customers'}")
    rows = (
        (str(each["n_clusters"]), f"{each['silhouette']:.3f}", f"{each['stability']:.2f}", _stability_word(each))
        for each in note["numbers"]
    )
    print_table(("clusters", "silhouette", "stability (ARI)", ""), rows)


def _stability_word(number: Mapping[str, Any]) -> str:
    return "" if number["is_stable"] else "unstable: other customers would give other clusters"


def named_people(context: CliContext, where: str | None = None) -> "pl.DataFrame":
    """The figures of the customers of the live release who pass, without those who may not be named now."""
    from recsys.ranking.segments.population import release_population
    from recsys.ranking.segments.repository import open_segment_repository
    from recsys.ranking.segments.search import customers_frame

    recommender, store = _recommender(context), context.existing_store()
    log_seq = store.watermark(recommender.bundle.manifest).seq
    people = release_population(recommender.engine, recommender.catalogue, store, log_seq)
    repository = open_segment_repository(context.home, context.file)
    saved = repository.last_valid()
    return customers_frame(people, None if where is None else repository.condition(where, saved), saved)


def _recommender(context: CliContext) -> "Recommender":
    from recsys.ranking.segments.population import NO_TABLE

    recommender = live_recommender(context, context.existing_store())
    if not len(recommender.engine.customers):
        raise BadInput(NO_TABLE)
    return recommender


def _cell(value: Any) -> str:
    return (
        "-"
        if value is None
        else f"{value:,.2f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
