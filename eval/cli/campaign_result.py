"""Command `recsys campaign result`: what a campaign changed, on the screen, as JSON or as a page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.errors import BadInput
from recsys.time_units import minute, now_ms

if TYPE_CHECKING:
    from recsys.campaigns.result.campaign_result import CampaignResult
    from recsys.campaigns.result.coupons import ArmCoupons
    from recsys.inference.welch import Effect

Row = tuple[str, str, str, str]


def result(
    ctx: typer.Context,
    campaign: Annotated[
        str | None, typer.Argument(metavar="CAMPAIGN", help="Its id, or the ref of its messages.", show_default=False)
    ] = None,
    holdout: Annotated[
        str | None, typer.Option(help="All campaigns of a quarter together, against the hold-out: 2026-Q4.")
    ] = None,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write a page to read and to pass on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read what a campaign changed, on its reading date: money per customer and in all, with intervals.

    Of a campaign that was not drawn, messages say whom it wrote to; then nothing is proof, and the result says so.

    Examples: recsys campaign result spring --html spring.html    recsys campaign result --holdout 2026-Q4
    """
    from eval.export.outputs import Outputs, shop_files
    from recsys.campaigns.result.campaign_result import read_result
    from recsys.campaigns.result.holdout_reading import read_holdout

    if (campaign is None) == (holdout is None):
        raise BadInput("give one of both: the id of a campaign, or --holdout with a quarter such as 2026-Q4")
    Outputs(None, html).check(shop_files(ctx.obj.home, ctx.obj.file))
    read, name = (read_result, campaign) if campaign is not None else (read_holdout, holdout)
    reading = read(ctx.obj.existing_store(), ctx.obj.file, name or "", now_ms())
    if html is not None:
        from eval.report.builders.effects.campaign import build_page
        from eval.report.html import write_page

        write_page(build_page(reading, datetime.now(UTC)), html)
    if as_json:
        print_json(reading.to_json())
        return
    _print(reading)


def _print(reading: "CampaignResult") -> None:
    console, window = plain_console(), reading.window
    console.print(f"Campaign {reading.campaign_id}: {reading.verdict}")
    console.print(
        f"money from {minute(window.start_ms)} until {minute(window.end_ms)} UTC, against the time from "
        f"{minute(window.before_ms)}; the log ends {minute(reading.as_of_ms)}"
    )
    treated, control = reading.groups
    console.print(f"{reading.n_treated:,} {treated}, {reading.n_control:,} {control if reading.is_drawn else 'not'}")
    if reading.sample_ratio_p is not None:
        console.print(f"sample ratio: p = {reading.sample_ratio_p:.3g}")
    print_table(("money per customer", "relative", "difference", "95 % interval"), _rows(reading))
    hidden = f"{reading.n_segments_hidden} segments of fewer than 20 customers are hidden"
    for words in (*reading.left_out, *([hidden] if reading.n_segments_hidden else [])):
        console.print(words)
    sent = ", ".join(
        f"{word} {'below 20' if n is None else f'{n:,}'}" for word, n in reading.response.items() if n != 0
    )
    console.print(f"messages: {sent or 'none were reported'}")
    if (coupons := reading.coupons) is not None:
        arms = f"{_coupons(coupons.treated)} of the treated, {_coupons(coupons.control)} of the others"
        console.print(f"coupons {', '.join(coupons.codes)}: redeemed by {arms}")


def _coupons(arm: "ArmCoupons") -> str:
    return "below 20" if arm.customers is None else f"{arm.customers:,} (money off {arm.money:,.2f})"


def _rows(reading: "CampaignResult") -> Iterator[Row]:
    from recsys.campaigns.result.verdict import TITLES

    for name, effect in reading.effects.items():
        yield _row(TITLES[name], effect)
    if reading.margin is not None:
        yield _row("margin", reading.margin)
    if reading.net is not None:
        kind = "money" if reading.margin is None else "margin"
        yield _row(f"{kind} in all, less the cost of contacts", reading.net)
    for each in reading.segments:
        yield _row(f"stage {each.segment}", each.effect)
    if (order := reading.conversion) is not None:
        share = f"{100 * order.low:+.1f} to {100 * order.high:+.1f} points"
        yield "customers with an order", "", f"{100 * order.difference:+.1f} points", share


def _row(title: str, effect: "Effect") -> Row:
    relative = "" if effect.relative != effect.relative else f"{effect.relative:+.0%}"
    return title, relative, f"{effect.difference:+,.2f}", f"{effect.low:+,.2f} to {effect.high:+,.2f}"
