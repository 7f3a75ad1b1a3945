"""Command `recsys pairs`: association rules of baskets as a table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import CliContext
from recsys.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from recsys.customers.pairs import BasketPairs

SHOWN = 20


def pairs(
    ctx: typer.Context,
    by: Annotated[str, typer.Option(help="item, type, category, brand, or an attribute of items.")] = "item",
    least: Annotated[int, typer.Option(min=1, help="Baskets that hold both, at least.")] = 150,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write all pairs to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is bought together: support, confidence and lift of pairs, the highest lift first.

    A basket is an order, or without one a customer's day. A pair of fewer than 20 customers is left out, and so is who
    refused personalisation.

    Example: recsys pairs --by category --least 150 --csv pairs.csv
    """
    rules = _read_pairs(ctx.obj, by, least)
    frame = rules.frame()
    if csv is not None:
        from recsys.data.files.spreadsheet_csv import write_csv

        write_csv(frame, csv)
    if as_json:
        listed = {"file": str(csv)} if csv is not None else {"pairs": frame.to_dicts()}
        print_json({"by": by, "least": least, "baskets": rules.n_baskets, "n_pairs": len(rules), **listed})
        return
    if csv is None:
        rows = [
            (first, second, f"{count:,}", f"{support:.2%}", f"{forward:.0%}", f"{back:.0%}", f"{lift:.2f}")
            for first, second, count, support, forward, back, lift in frame.head(SHOWN).iter_rows()
        ]
        print_table(("first", "second", "baskets", "support", "second of first", "first of second", "lift"), rows)
    n_twice = int((rules.lift >= 2).sum())
    place = f"written to {csv}" if csv is not None else f"{min(SHOWN, len(rules))} shown; --csv FILE writes all"
    typer.echo(f"{len(rules):,} pairs in {rules.n_baskets:,} baskets, {n_twice:,} with lift 2 or more; {place}")


def _read_pairs(context: CliContext, by: str, least: int) -> "BasketPairs":
    from recsys.customers.pairs import basket_lines, basket_pairs
    from recsys.customers.population import read_population

    people = read_population(context.existing_store(), context.file)
    return basket_pairs(basket_lines(people.events, people.items, by), least)
