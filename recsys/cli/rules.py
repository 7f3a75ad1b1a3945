"""Commands `recsys rules check | try | put | history | restore`: the rules of marketers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from recsys.cli.context import USER_ERROR, live_recommender, query_for
from recsys.cli.output import plain_console
from recsys.cli.registration import register_group
from recsys.errors import BadFile, BadRules, NoBundle
from recsys.time_units import second

if TYPE_CHECKING:
    from recsys.ranking.diagnostics.rule_preview import RulePreview
    from recsys.ranking.rules.model import Rules
    from recsys.ranking.rules.repository import RuleRepository

MAX_BYTES = 1 << 20

RulesFile = Annotated[Path, typer.Argument(help="The rules to read, as TOML.")]


def register_rules(app: typer.Typer) -> None:
    """Adds `recsys rules`."""
    text = "Rules of marketers: pin, boost, bury, block, cap, at least so many."
    register_group(app, "rules", (check, try_, put, history, restore), panel="Ask", help=text)


def check(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The rules to read; those of the home when left out.")] = None,
) -> None:
    """Say what is wrong with rules, line by line, and how many items each rule is about.

    Exits with 1 when something is wrong.  Example: recsys rules check rules.toml
    """
    repository, console = _repository(ctx), plain_console()
    path = repository.file if file is None else file
    try:
        rules = repository.parse(_text(path))
    except BadRules as error:
        for fault in error.faults:
            console.print(f"{path}: {fault}")
        raise typer.Exit(USER_ERROR) from None
    try:
        n_items_by_rule = _count_items(ctx, rules)
    except NoBundle:
        n_items_by_rule = {}
    for rule in rules.rules:
        n = n_items_by_rule.get(rule.id)
        console.print(f"{rule.id}: {rule.kind}, {_items_text(n)}{rule.reason}")
    console.print(f"{path}: {len(rules.rules)} rules, none of them wrong")


def try_(
    ctx: typer.Context,
    file: RulesFile,
    user: Annotated[str | None, typer.Option(help="Id of the customer; an anonymous one when left out.")] = None,
    placement: Annotated[str, typer.Option(help="The place in the shop.")] = "home",
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many items.")] = 10,
    is_against_live: Annotated[
        bool, typer.Option("--in-service", help="Compare with the rules of the home instead of none.")
    ] = False,
) -> None:
    """Show what rules would change in one list; nothing is stored.

    Example: recsys rules try rules.toml --user 900
    """
    from recsys.ranking.diagnostics.rule_preview import preview
    from recsys.ranking.rules.model import NO_RULES

    repository, store = _repository(ctx), ctx.obj.store()
    rules = repository.parse(_text(file))
    recommender = live_recommender(ctx.obj, store)
    query = query_for(store, recommender, user, placement=placement, k=k)
    _print_preview(
        preview(recommender, query, rules, repository.last_valid() if is_against_live else NO_RULES), plain_console()
    )


def put(ctx: typer.Context, file: RulesFile) -> None:
    """Put rules into service; every worker loads them within moments.

    Example: recsys rules put rules.toml
    """
    rules = _repository(ctx).replace(_text(file))
    plain_console().print(f"{len(rules.rules)} rules in service, {rules.digest}")


def history(ctx: typer.Context) -> None:
    """List every version of the rules that was put into service.

    Example: recsys rules history
    """
    for version in _repository(ctx).versions():
        plain_console().print(f"{version.number:>6}  {second(version.at_ms)}  {version.digest}")


def restore(
    ctx: typer.Context, version: Annotated[int, typer.Argument(min=1, help="As `recsys rules history` lists them.")]
) -> None:
    """Go back to a version.

    Example: recsys rules restore 3
    """
    repository = _repository(ctx)
    rules = repository.replace(repository.version_text(version))
    plain_console().print(f"{len(rules.rules)} rules in service, {rules.digest}")


def _print_preview(result: "RulePreview", console: Console) -> None:
    change_by_item = {change.item_id: change for change in result.changes}
    table = Table("", "item", "name", "was", "rules", box=box.SIMPLE)
    for item in result.after.items:
        change = change_by_item.get(item.item_id)
        was = str(item.rank) if change is None else str(change.before or "-")
        rules = ", ".join(change.rules) if change is not None else ""
        table.add_row(str(item.rank), item.item_id, item.name or "", was, rules)
    console.print(table)
    for change in result.changes:
        if change.after is None:
            console.print(
                f"went out: {change.item_id} {change.name or ''} (was {change.before}) {', '.join(change.rules)}"
            )
    for effect in result.effects:
        if not effect.holds:
            console.print(f"{effect.rule}: does not hold here, now, for this customer")
        elif not effect.items:
            console.print(f"{effect.rule}: speaks of no item of the catalogue")


def _repository(ctx: typer.Context) -> "RuleRepository":
    from recsys.ranking.rules.repository import open_rule_repository

    return open_rule_repository(ctx.obj.home, ctx.obj.file)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as content:
            text = content.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise BadFile(f"{file}: is larger than {MAX_BYTES >> 20} MiB, which no file of rules is")
        return text.decode()
    except UnicodeDecodeError:
        raise BadFile(f"{file}: is no UTF-8 text; save it as UTF-8") from None


def _count_items(ctx: typer.Context, rules: "Rules") -> dict[str, int]:
    """How many items each rule is about.  Raises NoBundle."""
    from recsys.ranking.rules.apply import AppliedRules

    applied = AppliedRules(rules, live_recommender(ctx.obj, ctx.obj.store()).catalogue)
    return {rule.id: len(applied.items(rule)) for rule in rules.rules}


def _items_text(n: int | None) -> str:
    return "" if n is None else f"{n} item{'' if n == 1 else 's'}: " if n else "NO ITEM: "
