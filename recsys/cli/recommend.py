"""Commands that query the live release: recommend, similar, audience, why, predict."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from recsys.cli.completion import PlacementOption
from recsys.cli.context import CliContext, live_recommender, query_for
from recsys.cli.output import AsJson, print_json, print_table
from recsys.time_units import now_ms

if TYPE_CHECKING:
    import polars as pl

    from recsys.arrays import Bools
    from recsys.data.store.base import Store
    from recsys.ranking.filters.spec import Filters
    from recsys.ranking.query import Query
    from recsys.ranking.recommender import Recommender
    from recsys.ranking.targeting.audience import AudienceMember


WhereOption = Annotated[
    str | None,
    typer.Option("--where", help="Only items that pass this filter, as JSON; docs/api.md says how to write it."),
]

CustomersOption = Annotated[
    str | None,
    typer.Option(help="Only customers who pass this condition, as JSON, or the name of a saved segment."),
]
DaysOption = Annotated[float, typer.Option(min=7, max=28, help="The horizon of the chances, in days.")]
ChannelOption = Annotated[str | None, typer.Option(help="Without those who refused marketing over this channel.")]


def recommend(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one gets what the shop sells best.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    placement: PlacementOption = "home",
    where: WhereOption = None,
    as_json: AsJson = False,
) -> None:
    """What to show this customer now.

    Example: recsys recommend 900 -k 10 --placement home --where '{"price": {"lt": 5}}'
    """
    store = ctx.obj.existing_store()
    recommender = live_recommender(ctx.obj, store)
    query = replace(query_for(store, recommender, user, placement=placement, k=k), filters=_filters(where))
    _show(recommender, query, f"{placement} for {user}", as_json=as_json)


def similar(
    ctx: typer.Context,
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    where: WhereOption = None,
    as_json: AsJson = False,
) -> None:
    """What goes with this item.

    Example: recsys similar 1082185 -k 10 --where '{"not": {"brand": "Private"}}'
    """
    recommender = live_recommender(ctx.obj, ctx.obj.existing_store())
    query = recommender.similar_query(item, k=k, now_ms=now_ms(), filters=_filters(where))
    _show(recommender, query, f"with {item}", as_json=as_json)


def audience(
    ctx: typer.Context,
    item: Annotated[str | None, typer.Argument(help="Id of the item; left out with --where.")] = None,
    where: WhereOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many customers at most.")] = 100,
    customers: CustomersOption = None,
    days: DaysOption = 28.0,
    channel: ChannelOption = None,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write them to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """The customers most likely to buy an item, or an item that passes --where; without those who said no to marketing.

    Example: recsys audience 1082185 --customers coffee-lapsed --days 14 --channel email --csv campaign.csv
    """
    members = find_members(ctx.obj, item, where, AudienceTerms(limit, customers, days, channel))
    if csv is not None:
        _write_audience(members, csv)
    if as_json:
        print_json(
            {"customers": len(members), **({"members": _as_data(members)} if csv is None else {"file": str(csv)})}
        )
    elif csv is None:
        _show_audience(members)
    else:
        typer.echo(f"{len(members)} customers written to {csv}")


class AudienceTerms(NamedTuple):
    """How many customers, who may be among them, within how many days, and over which channel they are contacted."""

    limit: int
    customers: str | None = None
    days: float = 28.0
    channel: str | None = None


def find_members(
    context: CliContext, item: str | None, where: str | None, terms: AudienceTerms
) -> "list[AudienceMember]":
    """The audience of an item or a filter, given as on the command line."""
    from recsys.data.store.consent import marketing_consent
    from recsys.ranking.filters.parser import parse_filter_text
    from recsys.ranking.targeting.audience import AudienceScope

    if (item is None) == (where is None):
        raise typer.BadParameter("give either an ITEM or --where")
    store = context.existing_store()
    recommender = live_recommender(context, store)
    log_seq = store.watermark(recommender.bundle.manifest).seq
    among = None if terms.customers is None else condition_members(context, terms.customers, recommender, store)
    return recommender.audience(
        item,
        where=None if where is None else parse_filter_text(where),
        now_ms=now_ms(),
        limit=terms.limit,
        has_consent=marketing_consent(store, log_seq, terms.channel),
        scope=AudienceScope(among, terms.days),
    )


def condition_members(context: CliContext, text: str, recommender: "Recommender", store: "Store") -> "Bools":
    """The customers of the release who pass the condition of a JSON text, or are in the segment that it names.  (U,)"""
    from recsys.ranking.segments.evaluation import release_members
    from recsys.ranking.segments.population import release_population
    from recsys.ranking.segments.repository import open_segment_repository

    repository = open_segment_repository(context.home, context.file)
    saved = repository.last_valid()
    where, log_seq = repository.condition(text, saved), store.watermark(recommender.bundle.manifest).seq
    people = release_population(recommender.engine, recommender.catalogue, store, log_seq)
    return release_members(where, people, saved.conditions())


def why(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one is treated as anonymous.")],
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many items the list has.")] = 10,
    placement: PlacementOption = "home",
    where: WhereOption = None,
    as_json: AsJson = False,
) -> None:
    """Why this item is not in the customer's list, or its place in the list.

    Example: recsys why 900 1082185 --placement home
    """
    from recsys.ranking.diagnostics.why_not import why_not

    store = ctx.obj.existing_store()
    recommender = live_recommender(ctx.obj, store)
    query = replace(query_for(store, recommender, user, placement=placement, k=k), filters=_filters(where))
    cause = why_not(recommender, query, item, store.item(item)).cause
    if as_json:
        print_json({"code": cause.code, "text": cause.text, "facts": cause.facts})
    else:
        typer.echo(f"{cause.code}: {cause.text}")


def predict(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one is treated as anonymous.")],
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    as_json: AsJson = False,
) -> None:
    """The rating that this customer would give this item; the newest ratings count, too.

    Example: recsys predict 196 242
    """
    from recsys.data.store.consent import known_user

    store = ctx.obj.existing_store()
    recommender = live_recommender(ctx.obj, store)
    known = known_user(store, user, store.watermark(recommender.bundle.manifest).seq)
    rating = recommender.expected_rating(known.user_id, item, known.recent)
    if as_json:
        print_json({"user_id": user, "item_id": item, "expected_rating": rating})
    else:
        typer.echo(f"{rating:.2f}")


def _filters(where: str | None) -> "Filters":
    from recsys.ranking.filters.parser import parse_filter_text
    from recsys.ranking.filters.spec import NO_FILTERS, Filters

    return NO_FILTERS if where is None else Filters(where=parse_filter_text(where))


def _show_audience(members: "list[AudienceMember]") -> None:
    rows = (
        (str(rank), member.user_id, f"{member.score:.3f}", member.item_id, member.source)
        for rank, member in enumerate(members, start=1)
    )
    print_table(("", "customer", "chance", "item", "source"), rows)
    expected = sum(member.score for member in members)
    typer.echo(f"{len(members)} customers; their chances add up to {expected:.0f} purchases")


def _write_audience(members: "list[AudienceMember]", file: Path) -> None:
    from recsys.data.files.spreadsheet_csv import write_csv

    write_csv(members_frame(members), file)


def members_frame(members: "list[AudienceMember]") -> "pl.DataFrame":
    """An audience as a table."""
    import polars as pl

    columns = {"user_id": pl.String, "score": pl.Float64, "item_id": pl.String, "source": pl.String}
    return pl.DataFrame(members, schema=columns, orient="row")


def _as_data(members: "list[AudienceMember]") -> list[dict[str, object]]:
    return [member._asdict() for member in members]


def _show(recommender: "Recommender", query: "Query", title: str, *, as_json: bool) -> None:
    recommendations, n_eligible = recommender.recommend(query), recommender.count_eligible(query)
    if as_json:
        from recsys.ranking.query import to_json

        print_json({**to_json(recommendations), "eligible": n_eligible})
        return
    rows = (
        (str(item.rank), item.item_id, item.name or "", f"{item.score:.3f}", item.source, item.reason.text)
        for item in recommendations.items
    )
    print_table(("", "item", "name", "score", "source", "why"), rows, title)
    n, level, version = len(recommendations.items), recommendations.fallback, recommendations.model_version
    effect = f"; attributes {recommendations.attributes.replace('_', ' ')}" if recommendations.attributes else ""
    typer.echo(f"{n} of {n_eligible} eligible; {level}; model {version}{effect}")
