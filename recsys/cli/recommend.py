"""Commands that ask the live release: recommend, similar, audience, why, predict."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import _now_ms, live_recommender, query_of

if TYPE_CHECKING:
    from recsys.ranking.filters.spec import Filters
    from recsys.ranking.query import Query
    from recsys.ranking.recommender import Recommender
    from recsys.ranking.targeting.audience import AudienceMember


Conditions = Annotated[
    str | None,
    typer.Option("--where", help="Only what passes these conditions, as JSON; docs/api.md tells how to write them."),
]


def recommend(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one gets what the shop sells best.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    placement: Annotated[str, typer.Option(help="The place in the shop to fill.")] = "home",
    where: Conditions = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """What to show this customer now.

    Example: recsys recommend 900 -k 10 --placement home --where '{"price": {"lt": 5}}'
    """
    store = ctx.obj.store()
    recommender = live_recommender(ctx.obj, store)
    ask = replace(query_of(store, recommender, user, placement=placement, k=k), filters=_filters(where))
    _show(recommender, ask, f"{placement} for {user}", as_json=as_json)


def similar(
    ctx: typer.Context,
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    where: Conditions = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """What goes with this item.

    Example: recsys similar 1082185 -k 10 --where '{"not": {"brand": "Private"}}'
    """
    recommender = live_recommender(ctx.obj, ctx.obj.store())
    ask = recommender.similar_query(item, k=k, now_ms=_now_ms(), filters=_filters(where))
    _show(recommender, ask, f"with {item}", as_json=as_json)


def audience(
    ctx: typer.Context,
    item: Annotated[str | None, typer.Argument(help="Id of the item; leave it out and say --where.")] = None,
    where: Conditions = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Most customers.")] = 100,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write them to this file.")] = None,
) -> None:
    """The customers most likely to buy an item, or one of those on sale that pass --where, without who said no.

    Example: recsys audience 1082185 --limit 500 --csv campaign.csv
    """
    from recsys.data.store.consent import marketing_consent
    from recsys.ranking.filters.expression import where_in

    if (item is None) == (where is None):
        raise typer.BadParameter("say an ITEM or --where, one of both")
    store = ctx.obj.store()
    recommender = live_recommender(ctx.obj, store)
    found = recommender.audience(
        item,
        where=None if where is None else where_in(where),
        now_ms=_now_ms(),
        limit=limit,
        has_consent=marketing_consent(store, recommender.bundle.manifest.log_seq),
    )
    if csv is None:
        _show_audience(found)
    else:
        _write_audience(found, csv)


def why(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one is taken for anybody.")],
    item: Annotated[str, typer.Argument(help="Id of the item.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many items the list has.")] = 10,
    placement: Annotated[str, typer.Option(help="The place in the shop.")] = "home",
    where: Conditions = None,
) -> None:
    """Why this item is not in the customer's list, or at which place it stands.

    Example: recsys why 900 1082185 --placement home
    """
    from recsys.ranking.diagnostics.why_not import why_not as found_why

    store = ctx.obj.store()
    recommender = live_recommender(ctx.obj, store)
    ask = replace(query_of(store, recommender, user, placement=placement, k=k), filters=_filters(where))
    found = found_why(recommender, ask, item, store.item(item))
    typer.echo(f"{found.cause.code}: {found.cause.text}")


def predict(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="Id of the customer; an unknown one is taken for anybody.")],
    item: Annotated[str, typer.Argument(help="Id of the item.")],
) -> None:
    """What this customer would rate this item, ratings given a moment ago included.

    Example: recsys predict 196 242
    """
    from recsys.data.store.base import known_user

    store = ctx.obj.store()
    recommender = live_recommender(ctx.obj, store)
    known = known_user(store, user, recommender.bundle.manifest.log_seq)
    typer.echo(f"{recommender.expected_rating(known.user_id, item, known.recent):.2f}")


def _filters(where: str | None) -> "Filters":
    from recsys.ranking.filters.expression import where_in
    from recsys.ranking.filters.spec import NO_FILTERS, Filters

    return NO_FILTERS if where is None else Filters(where=where_in(where))


def _show_audience(found: "list[AudienceMember]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("", "customer", "chance", "item", "source", box=box.SIMPLE)
    for rank, one in enumerate(found, start=1):
        table.add_row(str(rank), one.user_id, f"{one.score:.3f}", one.item_id, one.source)
    console = Console(markup=False, highlight=False)
    console.print(table)
    console.print(f"{len(found)} customers; their chances add up to {sum(one.score for one in found):.0f} purchases")


def _write_audience(found: "list[AudienceMember]", file: Path) -> None:
    import csv

    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(("user_id", "score", "item_id", "source"))
        rows.writerows(found)
    typer.echo(f"{len(found)} customers written to {file}")


def _show(recommender: "Recommender", ask: "Query", title: str, *, as_json: bool) -> None:
    answer, eligible = recommender.recommend(ask), recommender.count_eligible(ask)
    if as_json:
        import orjson

        from recsys.ranking.query import to_json

        told = {**to_json(answer), "eligible": eligible}
        sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("", "item", "name", "score", "source", "why", title=title, title_justify="left", box=box.SIMPLE)
    for item in answer.items:
        table.add_row(str(item.rank), item.item_id, item.name or "", f"{item.score:.3f}", item.source, item.reason.text)
    console = Console(markup=False, highlight=False)
    console.print(table)
    console.print(f"{len(answer.items)} of {eligible} eligible; {answer.fallback}; model {answer.model_version}")
