"""`recsys rules check | try | put | history | restore`: the rules of marketers in a terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.context import MENDABLE
from recsys.cli.registration import register_group
from recsys.errors import BadFile, BadRules

if TYPE_CHECKING:
    from rich.console import Console

    from recsys.ranking.diagnostics.rule_preview import RulePreview
    from recsys.ranking.rules.model import Rules
    from recsys.ranking.rules.repository import RuleRepository

File = Annotated[Path, typer.Argument(help="The rules to read, as TOML.")]


def register_rules(app: typer.Typer) -> None:
    """Adds `recsys rules`."""
    text = "Rules of marketers: pin, boost, bury, block, cap, at least so many."
    register_group(app, "rules", (check, try_, put, history, restore), panel="Ask", help=text)


def check(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The rules to read; those of the home when left out.")] = None,
) -> None:
    """Say what is wrong with rules, line by line, and how many items each speaks of.

    Exits with 1 when something is wrong.  Example: recsys rules check rules.toml
    """
    from recsys.errors import NoBundle

    book, console = _book(ctx), _console()
    path = book.file if file is None else file
    try:
        rules = book.parsed(_text(path))
    except BadRules as error:
        for fault in error.faults:
            console.print(f"{path}: {fault}")
        raise typer.Exit(MENDABLE) from None
    try:
        speaks_of = _speaks_of(ctx, rules)
    except NoBundle:
        speaks_of = {}
    for rule in rules.rules:
        n = speaks_of.get(rule.id)
        console.print(f"{rule.id}: {rule.kind}, {_counted(n)}{rule.reason}")
    console.print(f"{path}: {len(rules.rules)} rules, none of them wrong")


def try_(
    ctx: typer.Context,
    file: File,
    user: Annotated[str | None, typer.Option(help="Id of the customer; anybody when left out.")] = None,
    placement: Annotated[str, typer.Option(help="The place in the shop.")] = "home",
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many items.")] = 10,
    is_against_live: Annotated[
        bool, typer.Option("--in-service", help="Compare with the rules of the home instead of none.")
    ] = False,
) -> None:
    """Show what rules would change in one list; nothing is stored.

    Example: recsys rules try rules.toml --user 900
    """
    from recsys.cli.context import live_recommender, query_of
    from recsys.ranking.diagnostics.rule_preview import preview
    from recsys.ranking.rules.model import NO_RULES

    book, store = _book(ctx), ctx.obj.store()
    rules = book.parsed(_text(file))
    recommender = live_recommender(ctx.obj, store)
    ask = query_of(store, recommender, user, placement=placement, k=k)
    _show(preview(recommender, ask, rules, book.last_valid() if is_against_live else NO_RULES), _console())


def put(ctx: typer.Context, file: File) -> None:
    """Put rules into service; every worker follows in a moment.

    Example: recsys rules put rules.toml
    """
    rules = _book(ctx).put(_text(file))
    _console().print(f"{len(rules.rules)} rules in service, {rules.digest}")


def history(ctx: typer.Context) -> None:
    """List every version of the rules that was taken.

    Example: recsys rules history
    """
    from datetime import UTC, datetime

    for version in _book(ctx).versions():
        at = datetime.fromtimestamp(version.at_ms / 1_000, UTC)
        _console().print(f"{version.number:>6}  {at:%Y-%m-%d %H:%M:%S} UTC  {version.digest}")


def restore(
    ctx: typer.Context, version: Annotated[int, typer.Argument(min=1, help="As `recsys rules history` lists them.")]
) -> None:
    """Go back to a version.

    Example: recsys rules restore 3
    """
    book = _book(ctx)
    rules = book.put(book.text_of(version))
    _console().print(f"{len(rules.rules)} rules in service, {rules.digest}")


def _show(trial: "RulePreview", console: "Console") -> None:
    from rich import box
    from rich.table import Table

    names = {move.item_id: move for move in trial.changes}
    table = Table("", "item", "name", "was", "rules", box=box.SIMPLE)
    for item in trial.after.items:
        move = names.get(item.item_id)
        was = str(item.rank) if move is None else str(move.before or "-")
        rules = ", ".join(move.rules) if move is not None else ""
        table.add_row(str(item.rank), item.item_id, item.name or "", was, rules)
    console.print(table)
    for move in trial.changes:
        if move.after is None:
            console.print(f"went out: {move.item_id} {move.name or ''} (was {move.before}) {', '.join(move.rules)}")
    for use in trial.effects:
        if not use.holds:
            console.print(f"{use.rule}: does not hold here, now, for this customer")
        elif not use.items:
            console.print(f"{use.rule}: speaks of no item of the catalogue")


def _book(ctx: typer.Context) -> "RuleRepository":
    from recsys.ranking.rules.repository import rule_repository

    return rule_repository(ctx.obj.home, ctx.obj.file)


def _console() -> "Console":
    from rich.console import Console

    return Console(markup=False, highlight=False, soft_wrap=True)


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise BadFile(f"{file}: is no UTF-8 text; save it as UTF-8") from None


def _speaks_of(ctx: typer.Context, rules: "Rules") -> dict[str, int]:
    """How many items each rule speaks of.  Raises NoBundle."""
    from recsys.cli.context import live_recommender
    from recsys.ranking.rules.apply import AppliedRules

    ruling = AppliedRules(rules, live_recommender(ctx.obj, ctx.obj.store()).catalogue)
    return {rule.id: len(ruling.items(rule)) for rule in rules.rules}


def _counted(n: int | None) -> str:
    return "" if n is None else f"{n} item{'' if n == 1 else 's'}: " if n else "NO ITEM: "
