"""Command `recsys pairs`: association rules of baskets as a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from recsys.customers.pairs import BasketPairs
    from recsys.customers.population import Population

SHOWN = 20


def pairs(
    ctx: typer.Context,
    by: Annotated[str, typer.Option(help="item, type, category, brand, or an attribute of items.")] = "item",
    least: Annotated[int, typer.Option(min=1, help="Baskets that hold both, at least.")] = 150,
    order: Annotated[
        str, typer.Option(help="The highest first: lift, baskets, support, confidence or confidence_back.")
    ] = "lift",
    limit: Annotated[int | None, typer.Option(min=1, help="So many pairs.", show_default="20, as JSON all")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write all pairs to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is bought together: support, confidence and lift of pairs with its interval, the highest lift first.

    A basket is an order, or without one a customer's day. A pair of fewer than 20 customers is left out, and so is who
    refused personalisation.

    Example: recsys pairs --by category --least 150 --csv pairs.csv
    """
    from recsys.customers.pairs import ordered_pairs, pairs_report
    from recsys.customers.population import read_population

    people = read_population(ctx.obj.existing_store(), ctx.obj.file)
    rules = _count_pairs(people, by, least)
    frame = ordered_pairs(rules.frame(), order)
    if csv is not None:
        from recsys.data.files.spreadsheet_csv import write_csv

        write_csv(frame, csv)
    if as_json:
        report = pairs_report(people, rules, frame if limit is None else frame.head(limit), by=by, least=least)
        print_json(report if csv is None else {**report, "pairs": [], "file": str(csv)})
        return
    shown = frame.head(limit or SHOWN)
    if csv is None:
        rows = [
            (first, second, f"{count:,}", f"{support:.2%}", f"{forward:.0%}", f"{back:.0%}", f"{lift:.2f}", _span(ends))
            for first, second, count, support, forward, back, lift, *ends in shown.iter_rows()
        ]
        head = ("first", "second", "baskets", "support", "second of first", "first of second", "lift", "95 %")
        print_table(head, rows)
    n_twice = int((rules.lift >= 2).sum())
    place = f"written to {csv}" if csv is not None else f"{len(shown)} shown; --csv FILE writes all"
    typer.echo(f"{len(rules):,} pairs in {rules.n_baskets:,} baskets, {n_twice:,} with lift 2 or more; {place}")


def _span(ends: list[float]) -> str:
    return " to ".join(f"{end:.2f}" for end in ends)


def _count_pairs(people: "Population", by: str, least: int) -> "BasketPairs":
    from recsys.customers.pairs import basket_lines, basket_pairs

    return basket_pairs(basket_lines(people.events, people.items, by), least)
