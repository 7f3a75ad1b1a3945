"""Promotion commands `recsys promotions list | check | put | history | restore | show`: the promotions of a shop."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import OK, USER_ERROR, CliContext, live_recommender
from recsys.cli.documents.versioned import read_text, versioned_commands
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.errors import BadPromotions
from recsys.time_units import now_ms

if TYPE_CHECKING:
    from recsys.promotions.model import Promotions
    from recsys.promotions.repository import PromotionRepository


def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the promotions with what was redeemed, spent and is left.

    Example: recsys promotions list
    """
    promotions = _repository(ctx).last_valid()
    rows = _rows(ctx.obj, promotions)
    if as_json:
        print_json({"digest": promotions.digest, "promotions": rows})
        return
    columns = ("promotion", "kind", "state", "until", "given", "redeemed", "spent", "left")
    print_table(columns, (tuple(_cell(row[name]) for name in ("id", *columns[1:])) for row in rows))


def check(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="The promotions to read; those of the home when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with promotions, line by line.

    Exits with 1 when something is wrong.  Example: recsys promotions check promotions.toml
    """
    repository = _repository(ctx)
    path, ids, faults = repository.file if file is None else file, list[str](), list[str]()
    try:
        ids = _checked(ctx.obj, repository, read_text(path, "promotions")).ids()
    except BadPromotions as error:
        faults = [str(fault) for fault in error.faults]
    if as_json:
        print_json({"file": str(path), "promotions": ids, "faults": faults})
    else:
        console = plain_console()
        for fault in faults:
            console.print(f"{path}: {fault}")
        if not faults:
            console.print(f"{path}: {len(ids)} promotions, none of them wrong")
    raise typer.Exit(USER_ERROR if faults else OK)


def show(
    ctx: typer.Context,
    promotion: Annotated[str, typer.Argument(help="The id of a promotion.")],
    as_json: AsJson = False,
) -> None:
    """Show one promotion as it is written, with what was given, redeemed and spent.

    Example: recsys promotions show coffee-10
    """
    promotions = _repository(ctx).last_valid()
    rows = _rows(ctx.obj, promotions)
    chosen = promotions.promotion(promotion)
    row = next(row for row in rows if row["id"] == chosen.id) | {"written": chosen.written}
    if as_json:
        print_json(row)
        return
    console = plain_console()
    for name, value in row.items():
        console.print(f"{name}: {_cell(value)}")


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:,.2f}" if isinstance(value, float) else str(value)


def _rows(context: CliContext, promotions: "Promotions") -> list[dict[str, Any]]:
    from recsys.promotions.redemptions import use_rows

    return use_rows(promotions, context.existing_store().coupon_totals(promotions.by_code()), now_ms())


def _checked(context: CliContext, repository: "PromotionRepository", text: str) -> "Promotions":
    """The promotions of a text; after a training each name is looked up, too.  Raises BadPromotions."""
    from recsys.cli.customers.segments import live_population
    from recsys.promotions.checks import check_names

    promotions = repository.parse(text)
    if context.has_release:
        catalogue = live_recommender(context, context.existing_store()).catalogue
        conditions = repository.segments.last_valid().conditions()
        check_names(promotions, text, catalogue, lambda: live_population(context), conditions)
    return promotions


def _save(ctx: typer.Context, text: str) -> tuple[int, str]:
    """How many promotions were saved, and their digest.  Raises BadPromotions."""
    repository = _repository(ctx)
    promotions = _checked(ctx.obj, repository, text)
    repository.replace(text)
    return len(promotions.promotions), promotions.digest


def _repository(ctx: typer.Context) -> "PromotionRepository":
    from recsys.promotions.repository import open_promotion_repository

    return open_promotion_repository(ctx.obj.home, ctx.obj.file)


versioned = versioned_commands("promotions", "saved", _repository, _save)
