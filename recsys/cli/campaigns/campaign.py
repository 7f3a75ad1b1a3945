"""Commands `recsys campaign plan | list | show | draw | export | close`: campaigns with a control group."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys.cli.context import CliContext, live_recommender
from recsys.cli.documents.versioned import read_text
from recsys.cli.output import AsJson, plain_console, print_json, print_table
from recsys.cli.registration import register_group
from recsys.errors import BadInput
from recsys.time_units import minute, now_ms

if TYPE_CHECKING:
    from recsys.campaigns.campaign import Campaign
    from recsys.campaigns.eligibility import CampaignShop

CampaignArgument = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its id.")]
MOST_TIMES = 3  # hours or days of most of the eligible
LOSS_WORDS = {
    "consent": "no consent",
    "holdout": "in the hold-out of the shop",
    "contact_cap": "contacted too often",
    "quiet_days": "contacted a moment before or after",
    "priority": "left to campaigns of a higher priority",
    "stock": "no item of the offer is on sale",
    "budget": "beyond the budget",
}


def register_campaigns(app: typer.Typer) -> None:
    """Adds `recsys campaign`."""
    text = "Campaigns with a control group: planned, drawn once, exported, and read."
    register_group(app, "campaign", (plan, list_, show, draw, export, close), panel="Ask", help=text)


def plan(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The campaign, as TOML or JSON; options go before it.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A field: id=spring, channel=email, audience.segment=loyal, starts=2026-12-01."),
    ] = None,
    is_trial: Annotated[bool, typer.Option("--try", help="Show the plan and store nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan a campaign: who is left, what each rule takes, and whether the effect can be seen.  Stores a draft.

    Example: recsys campaign plan --set id=spring --set audience.segment=loyal --set channel=email \\
    --set starts=2026-12-01T10:00 --set reading=2026-12-29
    """
    from recsys.campaigns.campaign import save_campaign
    from recsys.campaigns.definition import parse_definition
    from recsys.campaigns.planning import plan_campaign

    definition = parse_definition(_fields(file, set_ or []))
    shop = _shop(ctx.obj)
    check = partial(plan_campaign, shop)
    outlook = check(definition) if is_trial else save_campaign(shop.store, definition, shop.now_ms, check)[1]
    planned = outlook.to_json()
    if as_json:
        print_json(planned)
        return
    _print_counts(planned)
    power = planned["power"]
    words = f"{power['mean']:.2f} +- {power['sd']:.2f} in {power['window_days']:g} days, n = {power['n']:,}"
    console = plain_console()
    console.print(f"money of the eligible: {words}, as of {minute(power['as_of'])} UTC")
    console.print(power["advice"])
    if planned["note"] is not None:
        console.print(planned["note"])
    for line in _best_times(planned["contact_times"]):
        console.print(line)
    if (earlier := planned["earlier"]) is not None:
        ids = ", ".join(earlier["campaigns"])
        console.print(f"earlier campaigns with this goal had a lift of {earlier['lift']:+.1%} ({ids}): --set effect=…")
    console.print(
        "nothing was stored" if is_trial else f"draft {definition.id!r} saved; `recsys campaign draw` draws it"
    )


def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List all campaigns, the latest start first.

    Example: recsys campaign list
    """
    from recsys.campaigns.campaign import all_campaigns

    campaigns = all_campaigns(ctx.obj.existing_store())
    if as_json:
        print_json({"campaigns": [campaign.to_json(now_ms()) for campaign in campaigns]})
        return
    rows = [
        (each.id, each.status(now_ms()), minute(each.record.starts_ms), *_arms(each), each.definition.name)
        for each in campaigns
    ]
    print_table(("campaign", "status", "starts (UTC)", "treated", "control", "name"), rows)


def show(ctx: typer.Context, campaign: CampaignArgument, as_json: AsJson = False) -> None:
    """Show a campaign and what its draw counted.

    Example: recsys campaign show spring
    """
    from recsys.campaigns.campaign import find_campaign

    _print_campaign(find_campaign(ctx.obj.existing_store(), campaign), as_json=as_json)


def draw(
    ctx: typer.Context,
    campaign: CampaignArgument,
    force: Annotated[bool, typer.Option("--force", help="Also where too few are left to see the effect.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw who is treated and who is control, once and for ever.  A second draw changes nothing and says so.

    Example: recsys campaign draw spring
    """
    from recsys.campaigns.drawing import draw_campaign

    drawn, is_new = draw_campaign(_shop(ctx.obj), campaign, force=force)
    if as_json:
        print_json({**drawn.to_json(now_ms()), "is_new": is_new})
        return
    _print_campaign(drawn, as_json=False)
    words = "drawn" if is_new else f"was drawn already at {minute(drawn.draw['at'])} UTC; nothing changed"
    plain_console().print(f"campaign {drawn.id!r} {words}")


def export(
    ctx: typer.Context,
    campaign: CampaignArgument,
    out: Annotated[
        str | None, typer.Option(help="The file to write: .csv, .jsonl or .parquet; or s3://BUCKET/NAME.")
    ] = None,
    layout: Annotated[str, typer.Option(help="Columns: plain, mailchimp, brevo or klaviyo.")] = "plain",
    webhook: Annotated[bool, typer.Option("--webhook", help="Signed messages to the webhook of [notify].")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the list of the treated for the tool that sends.  Control and hold-out are never on it.

    Example: recsys campaign export spring --layout mailchimp --out spring.csv
    """
    from recsys.campaigns.campaign import find_campaign
    from recsys.campaigns.export import treated_list
    from recsys.campaigns.webhook import post_treated
    from recsys.data.files.destination import Destination

    if (out is None) == (not webhook):
        raise BadInput("give one of both: --out FILE or --webhook")
    store = ctx.obj.existing_store()
    chosen = find_campaign(store, campaign)
    if out is not None:
        Destination(out).check()
    engine = live_recommender(ctx.obj, store).engine if ctx.obj.has_release else None
    treated = treated_list(store, chosen, layout, engine)
    if out is not None:
        Destination(out).write(treated.frames(), treated.schema())
    else:
        post_treated(treated, ctx.obj.file)
    summary = {"campaign": chosen.id, "file": out, "layout": layout, **treated.summary()}
    if as_json:
        print_json(summary)
        return
    console = plain_console()
    console.print(f"{len(treated.rows):,} customers of {chosen.id!r} to {out or 'the webhook'}")
    for words in treated.left_out():
        console.print(words)


def close(ctx: typer.Context, campaign: CampaignArgument, as_json: AsJson = False) -> None:
    """End a campaign: nobody is exported any more; its members stay, so that it can be read.

    Example: recsys campaign close spring
    """
    from recsys.campaigns.campaign import close_campaign

    _print_campaign(close_campaign(ctx.obj.existing_store(), campaign, now_ms()), as_json=as_json)


def _shop(context: CliContext) -> "CampaignShop":
    from recsys.campaigns.shop import open_campaign_shop

    store = context.existing_store()
    recommender = live_recommender(context, store)
    return open_campaign_shop(store, recommender, context.home, context.file, now_ms())


def _fields(file: Path | None, settings: list[str]) -> dict[str, Any]:
    """The fields of a file with those of `--set` over them.  A value is text, or JSON in braces or brackets."""
    from recsys.campaigns.definition import read_definition_text

    fields = read_definition_text(read_text(file, "campaigns")) if file is not None else {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign:
            raise BadInput(f"--set {setting!r:.80}: write it as FIELD=VALUE, such as channel=email")
        first, _, rest = name.partition(".")
        if rest:
            inner = fields.get(first)
            fields[first] = {**(inner if isinstance(inner, dict) else {}), rest: _value(value)}
        else:
            fields[first] = _value(value)
    return fields


def _value(text: str) -> object:
    import orjson

    if not text.startswith(("{", "[")):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"--set {text!r:.80}: no JSON: {error}") from None


def _print_campaign(campaign: "Campaign", *, as_json: bool) -> None:
    if as_json:
        print_json(campaign.to_json(now_ms()))
        return
    definition = campaign.definition
    rows = {
        "campaign": f"{campaign.id}  {definition.name}".strip(),
        "status": campaign.status(now_ms()),
        "goal": definition.goal,
        "channel": f"{definition.channel}, consent to {definition.purpose}",
        "starts (UTC)": minute(definition.starts_ms),
        "reading (UTC)": minute(definition.reading_ms),
        "control share": f"{definition.control_share:.0%}",
    }
    print_table(("", ""), [(name, value) for name, value in rows.items() if value])
    if campaign.is_drawn:
        _print_counts(dict(campaign.draw))


def _print_counts(counts: dict[str, Any]) -> None:
    rows = [("audience", f"{counts['audience']:,}")]
    rows += [(f"- {LOSS_WORDS[name]}", f"{n:,}") for name, n in counts["losses"].items()]
    rows += [("= eligible", f"{counts['eligible']:,}")]
    for name in ("treated", "control"):
        n = counts.get(name, counts.get(f"expected_{name}"))
        rows.append((name if name in counts else f"{name}, about", f"{n:,}"))
    print_table(("customers", "n"), rows)


def _best_times(times: dict[str, Any]) -> Iterator[str]:
    """The hours and days of most of the eligible, or why nothing is said."""
    for name in ("best_hour", "best_day"):
        if name in times["unknown"]:
            yield f"{name.replace('_', ' ')}: {times['unknown'][name]}"
            continue
        most = ", ".join(f"{row['at']} for {row['customers']:,}" for row in times[name][:MOST_TIMES])
        yield f"{name.replace('_', ' ')} ({times['time_zone']}): {most or 'fewer than 20 customers each'}"


def _arms(campaign: "Campaign") -> tuple[str, str]:
    if not campaign.is_drawn:
        return "-", "-"
    return f"{campaign.draw['treated']:,}", f"{campaign.draw['control']:,}"
