"""Command `recsys offers`: the offers of one customer, by chance x margin - cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import CliContext, live_recommender
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.time_units import now_ms

if TYPE_CHECKING:
    from recsys.promotions.customer_offers import OfferTerms


def offers(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(help="The id of a customer.")],
    days: Annotated[float, typer.Option(min=7, max=28, help="Horizon of the chances.")] = 28.0,
    channel: Annotated[
        str | None, typer.Option(help="Over which they are offered, such as email: consent to it.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many offers, at most.")] = 5,
    as_json: AsJson = False,
) -> None:
    """The promotions that fit a customer, best first: chance x margin - cost, under what is left of each budget.

    Example: recsys offers 1240
    """
    from recsys.data.store.consent import known_user
    from recsys.promotions.customer_offers import customer_offers
    from recsys.ranking.query import Query

    context: CliContext = ctx.obj
    store = context.existing_store()
    recommender = live_recommender(context, store)
    log_seq = store.watermark(recommender.bundle.manifest).seq
    known = known_user(store, user, log_seq)
    query = Query(now_ms(), k=k, user_id=known.user_id, recent=known.recent, attributes=known.attributes)
    owner_id = store.identity(user).owner_id
    ranking = customer_offers(
        recommender, store, query, offer_terms(context, days, channel), owner_id=owner_id, log_seq=log_seq
    )
    if as_json:
        print_json(ranking)
        return
    console = plain_console()
    rows = (
        [row["promotion_id"], row["title"], *(_n(row[name]) for name in ("chance", "margin", "cost", "value"))]
        for row in ranking["offers"]
    )
    print_table(("offer", "title", "chance", "margin", "cost", "value"), rows)
    for line in dict.fromkeys(filter(None, [ranking["note"], *(row["assumption"] for row in ranking["offers"])])):
        console.print(line)
    for row in ranking["left_out"]:
        console.print(f"left out: {row['promotion_id']}: {row['reason']}")


def offer_terms(context: CliContext, days: float, channel: str | None) -> "OfferTerms":
    """The promotions and settings of the home.  Raises BadSettings."""
    from recsys.promotions.customer_offers import OfferTerms
    from recsys.promotions.margins import margin_share
    from recsys.promotions.repository import open_promotion_repository

    repository = open_promotion_repository(context.home, context.file)
    return OfferTerms(
        repository.last_valid(), repository.segments.last_valid(), margin_share(context.file), days, channel
    )


def _n(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}"
