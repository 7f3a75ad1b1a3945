"""Commands `recsys rules check | try | put | history | restore`: the rules of marketers."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from recsys.cli.completion import PlacementOption
from recsys.cli.context import OK, USER_ERROR, live_recommender, query_for
from recsys.cli.documents.versioned import read_text, versioned_commands
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.cli.registration import register_group
from recsys.errors import BadRules

if TYPE_CHECKING:
    from recsys.ranking.diagnostics.list_length import ListLengths
    from recsys.ranking.diagnostics.rule_preview import RulePreview
    from recsys.ranking.diagnostics.shop_preview import ShopPreview
    from recsys.ranking.rules.model import Rule, Rules
    from recsys.ranking.rules.repository import RuleRepository

K = 10  # length of the list that a check looks at

RulesFile = Annotated[Path, typer.Argument(help="The rules to read, as TOML.")]


def register_rules(app: typer.Typer) -> None:
    """Adds `recsys rules`."""
    text = "Rules of marketers: pin, boost, bury, block, cap, at least so many."
    versioned = versioned_commands("rules", "in service", _repository, _save)
    register_group(app, "rules", (check, try_, *versioned), panel="Ask", help=text)


def check(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The rules to read; those of the home when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with rules, line by line, and how many items each rule is about.

    Names the rules that shorten the list of a visitor, now, where they apply (on home, if everywhere).

    Exits with 1 when something is wrong.  Example: recsys rules check rules.toml
    """
    from recsys.ranking.rules.model import NO_RULES

    repository = _repository(ctx)
    path = repository.file if file is None else file
    try:
        rules, faults = _checked(ctx, read_text(path, "rules")), list[str]()
    except BadRules as error:
        rules, faults = NO_RULES, [str(fault) for fault in error.faults]
    _print_check(path, rules, faults, _reach(ctx, rules), as_json=as_json)
    raise typer.Exit(USER_ERROR if faults else OK)


def try_(
    ctx: typer.Context,
    file: RulesFile,
    user: Annotated[str | None, typer.Option(help="Id of the customer; an anonymous one when left out.")] = None,
    placement: PlacementOption = "home",
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many items.")] = 10,
    is_against_live: Annotated[
        bool, typer.Option("--in-service", help="Compare with the rules of the home instead of none.")
    ] = False,
    customers: Annotated[
        int | None,
        typer.Option(
            min=20, max=100_000, help="The lists of so many sampled customers instead of one; 1000 is plenty."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what rules would change in one list, or in the whole shop; nothing is stored.

    With --customers: how many lists change, the expected money of their items (by the calibrated chances; not what
    showing them brings), and how many different items are shown, each with its 95 % interval.

    Example: recsys rules try rules.toml --user 900
    Example: recsys rules try rules.toml --customers 1000 --in-service
    """
    from recsys.ranking.diagnostics.rule_preview import preview
    from recsys.ranking.rules.model import NO_RULES

    repository, store = _repository(ctx), ctx.obj.existing_store()
    rules = _checked(ctx, read_text(file, "rules"))
    recommender = live_recommender(ctx.obj, store)
    against = repository.last_valid() if is_against_live else NO_RULES
    if customers is not None:
        if user is not None:
            raise typer.BadParameter("give either --user or --customers")
        _try_on_shop(ctx, (rules, against), customers, placement, k, as_json=as_json)
        return
    query = query_for(store, recommender, user, placement=placement, k=k)
    result = preview(recommender, query, rules, against)
    if as_json:
        _print_preview_json(result)
    else:
        _print_preview(result, plain_console())


def _try_on_shop(
    ctx: typer.Context, rules: tuple["Rules", "Rules"], n: int, placement: str, k: int, *, as_json: bool
) -> None:
    """Prints what the first of the rules change in the lists of n customers, compared with the second."""
    from recsys.cli.count_progress import count_progress
    from recsys.ranking.diagnostics.shop_preview import preview_shop, sampled_customers
    from recsys.ranking.recommender import with_segment_members

    store = ctx.obj.existing_store()
    recommender = live_recommender(ctx.obj, store)
    log_seq = store.watermark(recommender.bundle.manifest).seq
    sample = sampled_customers(recommender.engine.users, n)
    queries = [query_for(store, recommender, user, placement=placement, k=k) for user in sample]
    tried, against = (
        with_segment_members(recommender.with_rules(each), store, log_seq, ctx.obj.home, ctx.obj.file).rules
        for each in rules
    )
    with count_progress("customers") as progress:
        result = preview_shop(recommender, queries, tried, against, on_customer=progress)
    if as_json:
        print_json({"placement": placement, "k": k, **result.to_json()})
    else:
        _print_shop(result, placement, plain_console())


def _print_shop(result: "ShopPreview", placement: str, console: Console) -> None:
    console.print(f"{result.customers:,} customers, lists of {placement}; in brackets the 95 % interval")
    for verb, share in (("change", result.changed), ("get shorter", result.shorter)):
        console.print(f"lists that {verb}: {share.share:.1%} ({share.low:.1%} to {share.high:.1%})")
    console.print(f"new items in a list: {result.came_in:.2f} on average")
    for name, change, digits in (
        ("expected money of a list", result.money, 3),
        ("different items in all lists", result.coverage, 0),
    ):
        before, after = (f"{value:,.{digits}f}" for value in change[:2])
        difference, low, high = (f"{value:+,.{digits}f}" for value in change[2:])
        console.print(f"{name}: {before} -> {after}, {difference} ({low} to {high})")
    for rule_id, active in result.active.items():
        console.print(f"{rule_id}: active for {active:.0%} of the customers")


def _checked(ctx: typer.Context, text: str) -> "Rules":
    """The rules of a text, whose names are looked up as far as there is a shop.  Raises BadRules."""
    from recsys.ranking.rules.checks import check_rule_names

    rules = _repository(ctx).parse(text)
    if ctx.obj.has_store:
        store = ctx.obj.existing_store()
        catalogue = live_recommender(ctx.obj, store).catalogue if ctx.obj.has_release else None
        check_rule_names(rules, text, catalogue, store)
    return rules


def _save(ctx: typer.Context, text: str) -> tuple[int, str]:
    """How many rules were put into service, and their digest.  Raises BadRules."""
    _checked(ctx, text)
    rules = _repository(ctx).replace(text)
    return len(rules.rules), rules.digest


def _print_check(path: Path, rules: "Rules", faults: list[str], reach: "_Reach", *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "id": rule.id,
                "kind": rule.kind,
                "items": reach.n_items_by_rule.get(rule.id),
                "leaves": reach.leaves(rule.id),
                "reason": rule.reason,
            }
            for rule in rules.rules
        ]
        print_json({"file": str(path), "rules": rows, "faults": faults})
        return
    console = plain_console()
    for fault in faults:
        console.print(f"{path}: {fault}")
    for rule in rules.rules:
        console.print(f"{rule.id}: {rule.kind}, {_items_text(reach.n_items_by_rule.get(rule.id))}{rule.reason}")
    for placement, lengths in reach.lengths.items():
        for rule_id in lengths.by_rule:
            console.print(f"{rule_id}: shortens a visitor's list on {placement}. {lengths.sentence(rule_id)}")
    if not faults:
        console.print(f"{path}: {len(rules.rules)} rules, none of them wrong")


def _print_preview_json(result: "RulePreview") -> None:
    from recsys.ranking.query import to_json

    changes, effects = ([row._asdict() for row in rows] for rows in (result.changes, result.effects))
    print_json({**to_json(result.after), "changes": changes, "effects": effects})


def _print_preview(result: "RulePreview", console: Console) -> None:
    change_by_item = {change.item_id: change for change in result.changes}
    rows = []
    for item in result.after.items:
        change = change_by_item.get(item.item_id)
        was = str(item.rank) if change is None else str(change.before or "-")
        rules = ", ".join(change.rules) if change is not None else ""
        rows.append((str(item.rank), item.item_id, item.name or "", was, rules))
    print_table(("", "item", "name", "was", "rules"), rows)
    for change in result.changes:
        if change.after is None:
            console.print(
                f"went out: {change.item_id} {change.name or ''} (was {change.before}) {', '.join(change.rules)}"
            )
    _print_lengths(result, console)
    for effect in result.effects:
        if not effect.holds:
            console.print(f"{effect.rule}: does not hold here, now, for this customer")
        elif not effect.items:
            console.print(f"{effect.rule}: speaks of no item of the catalogue")


def _print_lengths(result: "RulePreview", console: Console) -> None:
    """By how much the rules shorten the list, and which of them do it alone; nothing where they do not."""
    lengths, n = result.lengths, len(result.after.items)
    if lengths is None or n >= lengths.without_rules:
        return
    alone = "" if lengths.by_rule else "; no rule does so alone"
    console.print(f"shorter: these rules leave {n} of {lengths.without_rules} items{alone}")
    for effect in result.effects:
        if effect.leaves is not None:
            console.print(f"{effect.rule}: {lengths.sentence(effect.rule)}")


def _repository(ctx: typer.Context) -> "RuleRepository":
    from recsys.ranking.rules.repository import open_rule_repository

    return open_rule_repository(ctx.obj.home, ctx.obj.file)


@dataclass(frozen=True, slots=True)
class _Reach:
    """What rules reach: the number of items by rule, and by placement the lengths of a visitor's list there."""

    n_items_by_rule: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, "ListLengths"] = field(default_factory=dict)

    def leaves(self, rule_id: str) -> int | None:
        """The shortest list that the rule leaves by itself, None where it shortens none."""
        lengths = (each.by_rule.get(rule_id) for each in self.lengths.values())
        return min((n for n in lengths if n is not None), default=None)


def _reach(ctx: typer.Context, rules: "Rules") -> _Reach:
    """The reach in the live release; empty before the first training."""
    from recsys.ranking.diagnostics.list_length import list_lengths
    from recsys.ranking.rules.apply import AppliedRules

    if not ctx.obj.has_release:
        return _Reach()
    store = ctx.obj.existing_store()
    recommender = live_recommender(ctx.obj, store)
    applied, by_placement = AppliedRules(rules, recommender.catalogue), defaultdict[str, list["Rule"]](list)
    for rule in rules.rules:
        for placement in rule.placements or ("home",):
            by_placement[placement].append(rule)
    queries = {name: query_for(store, recommender, None, placement=name, k=K) for name in by_placement}
    return _Reach(
        {rule.id: len(applied.items(rule)) for rule in rules.rules},
        {name: list_lengths(recommender, queries[name], own) for name, own in by_placement.items()},
    )


def _items_text(n: int | None) -> str:
    return "" if n is None else f"{n} item{'' if n == 1 else 's'}: " if n else "NO ITEM: "
