"""Commands `recsys promotions bundles | upsell | table | loyalty`: what to offer, and to whom."""

from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import CliContext, live_recommender
from recsys.cli.customers.segments import live_population
from recsys.cli.output import AsJson, plain_console, print_json, print_table

if TYPE_CHECKING:
    from recsys.promotions.loyalty import LoyaltyReport
    from recsys.ranking.recommender import Recommender

SHOWN = 20


def bundles(
    ctx: typer.Context,
    percent: Annotated[float, typer.Option(min=0, max=100, help="Taken off the price of both.")] = 10.0,
    least: Annotated[int, typer.Option(min=1, help="Baskets that hold both, at least.")] = 150,
    limit: Annotated[int, typer.Option(min=1, help="Pairs with --json.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Pairs of items to sell together, by what the shop keeps of them after the discount.

    Example: recsys promotions bundles --percent 10
    """
    from recsys.customers.pairs import basket_lines, basket_pairs
    from recsys.customers.population import read_population
    from recsys.promotions.bundles import propose_bundles

    context: CliContext = ctx.obj
    store = context.existing_store()
    people = read_population(store, context.file)
    price, margin, note = _prices(context, live_recommender(context, store))
    pairs = basket_pairs(basket_lines(people.events, people.items, "item"), least)
    proposals = propose_bundles(pairs, price, margin, percent=percent)
    if as_json:
        print_json({"percent": percent, "assumption": note, "n_bundles": len(proposals), "bundles": proposals[:limit]})
        return
    rows = (
        (
            *p.items,
            f"{p.baskets:,}",
            f"{p.lift:.1f}",
            f"{p.price:.2f}",
            f"{p.profit:.2f}",
            f"{p.total:,.2f}",
            f"{p.break_even:.0%}",
        )
        for p in proposals[:SHOWN]
    )
    print_table(("first", "second", "baskets", "lift", "price", "profit", "of all", "must sell more"), rows)
    plain_console().print(
        f"{len(proposals):,} pairs still earn after {percent:g} % off" + (f"; {note}" if note else "")
    )


def upsell(
    ctx: typer.Context,
    item: Annotated[str, typer.Argument(help="The id of an item.")],
    up_to: Annotated[float, typer.Option(min=1, help="Dearer up to so many times.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Dearer items of the same product type that leave the shop more, the best first.

    Example: recsys promotions upsell 995242
    """
    from recsys.customers.pairs import TYPE, item_labels
    from recsys.data.ids import MISSING
    from recsys.errors import UnknownItem
    from recsys.promotions.upsell import upsell_items

    context: CliContext = ctx.obj
    store = context.existing_store()
    recommender = live_recommender(context, store)
    catalogue, engine = recommender.catalogue, recommender.engine
    if catalogue.position(item) == MISSING:
        raise UnknownItem(f"no item {item!r:.80} in the catalogue or the events")
    price, margin, note = _prices(context, recommender)
    items = list(store.items_since(0))
    types = {name for each in items for name in each.attributes}
    by = TYPE if types & {"type", "product_type"} else "category"
    on_sale = catalogue.sellable
    labels = {i: label for i, label in item_labels(items, by).items() if on_sale[catalogue.position(i)]}
    weight = engine.popularity.weight
    purchases = {catalogue.item_id(at): int(weight[at] * 1_000) for at in range(engine.n_items)}
    chosen = upsell_items(item, labels, price, margin, purchases, most_times=up_to)
    if as_json:
        print_json({"item_id": item, "type": labels.get(item), "assumption": note, "items": chosen})
        return
    names = (catalogue.name(catalogue.position(each.item_id)) or "" for each in chosen)
    rows = (
        (each.item_id, name, f"{each.price:.2f}", f"{each.gain:+.2f}", f"{each.share:.1%}")
        for each, name in zip(chosen[:SHOWN], names, strict=False)
    )
    print_table(("item", "name", "price", "margin", "share"), rows)
    plain_console().print(
        f"{len(chosen)} dearer items of {labels.get(item, 'no type')}" + (f"; {note}" if note else "")
    )


def table(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Stage x value: which kind of offer suits each cell, how many are in it, and the condition that finds them.

    Example: recsys promotions table --json
    """
    import orjson

    from recsys.promotions.offer_table import offer_table

    cells = offer_table(live_population(ctx.obj))
    if as_json:
        print_json({"cells": cells})
        return
    rows = (
        (
            c.stage,
            c.value_class,
            c.offer,
            "fewer than 20" if c.customers is None else f"{c.customers:,}",
            orjson.dumps(c.where).decode(),
        )
        for c in cells
    )
    print_table(("stage", "value", "offer", "customers", "audience"), rows)


def loyalty(
    ctx: typer.Context,
    within: Annotated[float, typer.Option(min=0, help="Near a tier: so many points below it.")] = 100.0,
    as_json: AsJson = False,
) -> None:
    """Participation, points earned and spent, members by tier, and who is near the next tier.

    Who refused marketing is not among those near a tier.  Example: recsys promotions loyalty --within 50
    """
    from recsys.promotions.loyalty import read_loyalty

    context: CliContext = ctx.obj
    store = context.existing_store()
    recommender = live_recommender(context, store)
    report = read_loyalty(store, recommender.engine, store.watermark(recommender.bundle.manifest).seq, within)
    if as_json:
        print_json(report)
        return
    plain_console().print(_participation(report))
    print_table(
        ("tier", "customers", "from"),
        (
            (
                t.tier,
                "fewer than 20" if t.customers is None else f"{t.customers:,}",
                "-" if t.least is None else f"{t.least:g}",
            )
            for t in report.tiers
        ),
    )
    print_table(
        ("near", "balance", "next tier", "missing"),
        ((r.user_id, f"{r.balance:g}", r.tier, f"{r.missing:g}") for r in report.near[:SHOWN]),
    )


def _participation(report: "LoyaltyReport") -> str:
    if report.members is None:
        return "members: fewer than 20, of whom nothing is said"
    share = "" if report.share is None else f" ({report.share:.1%} of those who bought)"
    spent = "-" if report.redemption is None else f"{report.redemption:.1%}"
    return (
        f"members: {report.members:,}{share}; points earned {report.earned:,.0f}, spent {report.spent:,.0f} ({spent})"
    )


def _prices(context: CliContext, recommender: "Recommender") -> tuple[dict[str, float], dict[str, float], str | None]:
    """Price and margin by item where known, and what is assumed."""
    import numpy as np

    from recsys.promotions.margins import margin_share, unit_margins

    catalogue = recommender.catalogue
    margins = unit_margins(recommender.engine, catalogue, margin_share(context.file))
    known = np.flatnonzero(~np.isnan(margins.price) & ~np.isnan(margins.margin)).astype(np.int32)
    ids = [catalogue.item_id(at) for at in known.tolist()]
    price, margin = margins.price[known].tolist(), margins.margin[known].tolist()
    return dict(zip(ids, price, strict=True)), dict(zip(ids, margin, strict=True)), margins.assumption(known)
