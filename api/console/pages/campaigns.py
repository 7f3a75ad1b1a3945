"""Campaigns: the list, a form with a preview of the plan, and one campaign with its draw, list and result."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from api.console.forms.fields import typed_name
from api.console.page import Action, ConsolePage, MenuGroup
from api.console.roles import Role
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.client import ApiError
from recsys.client.campaign_types import Campaign, CampaignPlan
from recsys.customers.population import MIN_GROUP
from recsys.errors import BadInput

COLUMNS = (
    Column("id", "Campaign", href="/console/campaign?campaign="),
    Column("goal", "Goal"),
    Column("status", "State", "words"),
    Column("channel", "Channel"),
    Column("starts", "Sent", "moment"),
    Column("reading", "Read", "moment"),
    Column("control_share", "Control", "share"),
)
MAILINGS = (
    Column("campaign", "Mailing", href="/console/campaign?campaign="),
    Column("sent", "First sent", "moment"),
    Column("channel", "Channel"),
    Column("customers", "Customers", "number", hint="– for fewer than 20"),
)
EFFECTS = {
    "welch": ("More money per customer", "than the control group; also holds how much the two differed before"),
    "cuped": (
        "Earned per customer, adjusted",
        "more than what they spent before lets one expect; the verdict goes by it",
    ),
    "naive": ("They spent more by", "per customer, than everybody else; reports usually stop here"),
    "gap_before": ("They had spent more before by", "per customer: it went to better customers"),
    "difference_in_differences": (
        "Earned per customer, by growth",
        "how much their lead grew; true only if both would have changed alike without it",
    ),
}
STAGES = (
    Column("segment", "Stage at the draw", "words", is_sortable=False),
    Column("difference", "Earned per customer", "money", is_sortable=False),
    Column("low", "From", "money", is_sortable=False),
    Column("high", "To", "money", hint="interval of 95 %", is_sortable=False),
    Column("n_treated", "Written to", "number", is_sortable=False),
    Column("n_control", "Not", "number", is_sortable=False),
)
IN_ALL = frozenset({"welch", "cuped", "difference_in_differences"})  # what it earned, of all who got it together
LOSSES = {  # why customers of the audience are not written to
    "consent": "did not agree",
    "holdout": "are held out of all campaigns",
    "contact_cap": "were written to often enough",
    "quiet_days": "were written to a few days ago",
    "priority": "are kept for a campaign that goes first",
    "stock": "would be offered what is sold out",
    "budget": "are beyond the budget",
}
ALL_THE_SAME = "also when the result will prove nothing"
LAYOUTS = (("plain", "plain"), ("mailchimp", "Mailchimp"), ("brevo", "Brevo"), ("klaviyo", "Klaviyo"))
HOURS_UNTIL_SENT, DAYS_UNTIL_READ = 24, 28


async def view(visit: Visit, plan: CampaignPlan | None = None) -> Response:
    """All campaigns, and the form; with a plan, what it would be."""
    stored = await visit.client.campaigns()
    segments = await visit.client.segments()
    starts = datetime.now(UTC) + timedelta(hours=HOURS_UNTIL_SENT)
    rows = [each.model_dump() for each in stored.campaigns]
    return visit.render(
        "campaigns.html",
        table=table_page(visit, COLUMNS, rows, default="starts", caption="Campaigns"),
        segments=[(each["name"], each["name"]) for each in segments.segments],
        plan=plan,
        losses=LOSSES,
        starts=f"{starts:%Y-%m-%dT10:00}",
        reading=f"{starts + timedelta(days=DAYS_UNTIL_READ):%Y-%m-%dT10:00}",
    )


async def view_mailings(visit: Visit) -> Response:
    """Campaigns without a plan, known by their messages."""
    answer = await visit.client.mailings()
    rows = [each.model_dump() for each in answer.mailings]
    return visit.render("mailings.html", table=table_page(visit, MAILINGS, rows, default="sent", caption="Mailings"))


async def view_one(visit: Visit) -> Response:
    """One campaign: what was planned and drawn; its result is worked out on a page of its own: that takes seconds."""
    name = _chosen(visit)
    campaign = await _planned(visit, name)
    if campaign is None and name not in {each.campaign for each in (await visit.client.mailings()).mailings}:
        raise BadInput(f"there is no campaign {name!r:.80}, and no mailing; the page Campaigns lists them")
    title = (campaign.name or campaign.id) if campaign else f"Mailing {name}"
    about = {} if campaign else {"sentence": UNPLANNED.sentence}
    context: dict[str, Any] = {
        "campaign": campaign,
        "name": name,
        "layouts": LAYOUTS,
        "all_the_same": ALL_THE_SAME,
        "losses": LOSSES,
        "least": MIN_GROUP,
        "plan": await _plan_of(visit, campaign),
        "is_due": campaign is None or _is_due(campaign),
    }
    return visit.render("campaign.html", title=title, **about, **context)


async def view_result(visit: Visit) -> Response:
    """What a campaign or a mailing earned so far."""
    name, result, unknown = _chosen(visit), None, ""
    try:
        result = await visit.client.campaign_result(name)
    except ApiError as error:
        unknown = error.message
    context: dict[str, Any] = {"name": name, "result": result, "unknown": unknown}
    context |= {"effects": EFFECTS, "in_all": IN_ALL}
    if result is not None and result.segments:
        title = f"By stage; {result.segments_hidden} of fewer than {MIN_GROUP} customers are hidden"
        caption = title if result.segments_hidden else "By stage"
        context["stages"] = table_page(visit, STAGES, result.segments, default="segment", caption=caption)
    return visit.render("campaign_result.html", title=f"Result of {name}", **context)


def _chosen(visit: Visit) -> str:
    name = visit.typed("campaign")
    if not name:
        raise BadInput("choose a campaign on the page Campaigns")
    return name


async def _planned(visit: Visit, name: str) -> Campaign | None:
    """The campaign of that name, None for one that nobody planned here."""
    try:
        return await visit.client.campaign(name)
    except ApiError as error:
        if error.status != 404:
            raise
        return None


async def _plan_of(visit: Visit, campaign: Campaign | None) -> CampaignPlan | None:
    """What the draw of a draft would be; None where there is nothing to draw, or where its segment is gone."""
    if campaign is None or campaign.status != "draft" or visit.session.role < Role.MARKETER:
        return None
    definition = campaign.model_dump(exclude={"status", "made_at", "closed_at", "draw", "is_new"})
    try:
        return await visit.client.try_campaign(definition)
    except ApiError as error:
        visit.fault = visit.fault or error.message
        return None


def _is_due(campaign: Campaign) -> bool:
    at = datetime.fromisoformat(campaign.reading)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) <= datetime.now(UTC)


async def preview(visit: Visit) -> Response:
    """The plan of the form; nothing is stored."""
    return await view(visit, await visit.client.try_campaign(typed_campaign(visit)))


async def save(visit: Visit) -> Response:
    """Stores the draft of the form."""
    definition = typed_campaign(visit)
    await visit.client.plan_campaign(definition)
    return visit.redirect("/campaign", "The draft is saved. Next: draw who gets it, below.", campaign=definition["id"])


async def draw(visit: Visit) -> Response:
    """Draws who is written to and who is control, for ever."""
    name = visit.typed("campaign")
    try:
        drawn = await visit.client.draw_campaign(name, force=visit.typed("force") == "1")
    except ApiError as error:
        words = error.message.replace("draw with force", f"tick “{ALL_THE_SAME}”")
        raise BadInput(f"Nothing is drawn yet: {words}") from None
    notice = "It was drawn before; nothing changed."
    if drawn.is_new and drawn.draw:
        notice = f"It is drawn: {drawn.draw['treated']:,} get it, {drawn.draw['control']:,} are the control group."
        notice += " Download the list below."
    return visit.redirect("/campaign", notice, campaign=name)


async def download(visit: Visit) -> Response:
    """The list of the treated as a file."""
    name = visit.typed("campaign")
    content = await visit.client.campaign_csv(name, layout=visit.typed("layout", "plain"))
    await visit.note_change("list of the treated downloaded")
    file = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
    headers = {"content-disposition": f'attachment; filename="{file}.csv"'}
    return Response(content, 200, headers, "text/csv; charset=utf-8")


async def close(visit: Visit) -> Response:
    """Ends it."""
    name = visit.typed("campaign")
    await visit.client.close_campaign(name)
    return visit.redirect("/campaign", "It is closed: nobody is exported any more.", campaign=name)


def typed_campaign(visit: Visit) -> dict[str, Any]:
    """The campaign of the form.  Raises BadInput for a number that is none, and without an audience."""
    segment, item = visit.typed("segment"), visit.typed("item")
    if bool(segment) == bool(item):
        raise BadInput("who shall get it? Choose a segment, or put in the product whose likeliest buyers shall get it")
    offer = {"text": visit.typed("offer"), "items": visit.typed("products").split(), "coupon": visit.typed("coupon")}
    definition: dict[str, Any] = {
        "id": typed_name(visit.typed("name")),
        "goal": visit.typed("goal"),
        "audience": {"segment": segment} if segment else {"item": item},
        "offer": {name: value for name, value in offer.items() if value},
        "channel": visit.typed("channel"),
        "control_share": _number(visit, "control", "10") / 100,
        "cost_per_contact": _number(visit, "cost", "0"),
        "starts": visit.typed("starts"),
        "reading": visit.typed("reading"),
    }
    return definition | ({"budget": _number(visit, "budget", "0")} if visit.typed("budget") else {})


def _number(visit: Visit, name: str, default: str) -> float:
    text = visit.typed(name) or default
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"{name}: {text!r} is no number") from None


PAGE = ConsolePage(
    path="/campaigns",
    title="Campaigns",
    sentence="Offers to chosen customers beside a control group that gets nothing, so that you learn what they earn.",
    view=view,
    menu=MenuGroup.OFFERS,
    actions={"preview": Action(preview), "save": Action(save)},
)
CAMPAIGN = ConsolePage(
    path="/campaign",
    title="Campaign",
    sentence="What was planned, who was drawn, and what it earned.",
    view=view_one,
    actions={"draw": Action(draw), "download": Action(download), "close": Action(close)},
)
RESULT = ConsolePage(
    path="/campaign/result",
    title="Result of a campaign",
    sentence="What it earned by now: money of those who were written to against those who were not.",
    view=view_result,
)
UNPLANNED = ConsolePage(
    path="/mailings",
    title="Mailings",
    sentence="What was sent without a plan here, and without a control group: it can be read, but proves nothing.",
    view=view_mailings,
)
