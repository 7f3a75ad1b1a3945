"""Promotion commands `recsys promotions list | check | put | history | restore | show`: the promotions of a shop."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import OK, USER_ERROR, CliContext, live_recommender
from recsys.cli.output import AsJson, plain_console, print_json, print_table, print_versions
from recsys.cli.rules import read_text
from recsys.errors import BadPromotions
from recsys.time_units import now_ms

if TYPE_CHECKING:
    from recsys.promotions.model import Promotions
    from recsys.promotions.repository import PromotionRepository

PromotionsFile = Annotated[Path, typer.Argument(help="The promotions to read, as TOML.")]


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


def put(ctx: typer.Context, file: PromotionsFile, as_json: AsJson = False) -> None:
    """Save promotions in place of all others; every worker takes them at its next request.

    Example: recsys promotions put promotions.toml
    """
    _save(ctx, read_text(file, "promotions"), as_json=as_json)


def history(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List every version of the promotions that was saved.

    Example: recsys promotions history
    """
    print_versions(_repository(ctx).versions(), as_json=as_json)


def restore(
    ctx: typer.Context,
    version: Annotated[int, typer.Argument(min=1, help="As `recsys promotions history` lists them.")],
    as_json: AsJson = False,
) -> None:
    """Go back to a version.

    Example: recsys promotions restore 3
    """
    _save(ctx, _repository(ctx).version_text(version), as_json=as_json)


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

    return use_rows(promotions, context.existing_store().coupon_totals(), now_ms())


def _checked(context: CliContext, repository: "PromotionRepository", text: str) -> "Promotions":
    """The promotions of a text; after a training each name is looked up, too.  Raises BadPromotions."""
    from recsys.promotions.checks import check_names

    promotions = repository.parse(text)
    if context.has_release:
        check_names(promotions, text, live_recommender(context, context.existing_store()).catalogue)
    return promotions


def _save(ctx: typer.Context, text: str, *, as_json: bool) -> None:
    repository = _repository(ctx)
    promotions = _checked(ctx.obj, repository, text)
    repository.replace(text)
    if as_json:
        print_json({"promotions": len(promotions.promotions), "digest": promotions.digest})
    else:
        plain_console().print(f"{len(promotions.promotions)} promotions saved, {promotions.digest}")


def _repository(ctx: typer.Context) -> "PromotionRepository":
    from recsys.promotions.repository import open_promotion_repository

    return open_promotion_repository(ctx.obj.home, ctx.obj.file)
