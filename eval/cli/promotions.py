"""Commands `recsys promotions effect | responses`: what promotions change, and who redeems coupons."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from recsys.cli.context import CliContext
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.time_units import now_ms


def effect(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Displays, mailers or other flags by item, store and week.")],
    columns: Annotated[
        str, typer.Option("--map", help="item_id=COLUMN,channel=COLUMN,week=COLUMN,display=COLUMN,mailer=COLUMN")
    ],
    week_one: Annotated[datetime, typer.Option(help="The first day of week 1 (UTC).")],
    items: Annotated[int, typer.Option(min=1, help="How many items, those bought most often.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """How many times as many purchases an item has in weeks of a display or a mailer, with 95 % intervals.

    Every store of the file and every week of it counts, also those without a purchase. A cell of a flag is off where it
    is empty, 0, no, none or false. Levels of items and stores are taken out; the season is not.

    Example: recsys promotions effect flags.csv --map item_id=sku,channel=store,week=week,display=display
    --week-one 2025-12-29
    """
    from eval.promotions.effect import fit_effects
    from eval.promotions.panel import build_panel, parse_columns
    from recsys.customers.population import read_population
    from recsys.promotions.effect_report import EffectReport, FlagFactor, keep_effect_report

    context: CliContext = ctx.obj
    known = parse_columns(columns, week_one.date())
    panel = build_panel(read_population(context.existing_store(), context.file).events, file, known, items)
    report = EffectReport(
        made_at=now_ms(),
        file=file.name,
        items=len(set(panel.item.tolist())),
        stores=len(set(panel.store.tolist())),
        purchases=int(panel.purchases.sum()),
        effects=tuple(map(FlagFactor.model_validate, fit_effects(panel))),
    )
    keep_effect_report(context.home, report)
    if as_json:
        print_json(report.model_dump())
        return
    rows = (
        (e.name, f"x {e.factor:.2f}", f"{e.low:.2f} to {e.high:.2f}", f"{e.weeks:,}", f"{e.purchases:,}")
        for e in report.effects
    )
    print_table(("flag", "purchases", "with 95 %", "weeks with it", "purchases with it"), rows)
    plain_console().print(
        f"{report.purchases:,} purchases of {report.items:,} items in {report.stores:,} stores; "
        "what is promoted is chosen: this is no experiment"
    )


def responses(
    ctx: typer.Context,
    learn: Annotated[str, typer.Argument(help="The campaign to learn from: the ref of its messages.")],
    judge: Annotated[str, typer.Argument(help="A later campaign to judge by.")],
    as_json: AsJson = False,
) -> None:
    """Who redeems coupons: a model of one campaign, judged on a later one.

    Messages are facts with the campaign as ref. Redemptions are coupon facts whose ref is the campaign, or a code of
    the promotion with that id. Features are what was known before the first message.

    Example: recsys promotions responses campaign-13 campaign-18
    """
    from eval.promotions.responses import judge_responses
    from recsys.customers.population import read_population
    from recsys.promotions.repository import open_promotion_repository

    context: CliContext = ctx.obj
    store = context.existing_store()
    promotions = open_promotion_repository(context.home, context.file).last_valid().promotions
    facts = [fact for page in store.fact_pages() for fact in page]
    events = read_population(store, context.file).events
    report = judge_responses(events, facts, learn, judge, {each.id: each.codes for each in promotions})
    if as_json:
        print_json(report)
        return
    console = plain_console()
    console.print(
        f"{report.judged_on}: {report.customers:,} customers, {report.responders:,} redeemed "
        f"({report.responders / report.customers:.1%}); learnt on {report.learnt_on}"
    )
    console.print(
        f"AUC {report.auc:.3f}; of the best tenth {report.top_share:.1%} redeemed, {report.lift:.2f} times as many"
    )
    print_table(("feature", "weight"), ((name, f"{weight:+.2f}") for name, weight in report.drivers))
