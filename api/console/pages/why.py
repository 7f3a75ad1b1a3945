"""Diagnosis of one item in one list: why it is not there, or how it came to its place."""

from starlette.responses import Response

from api.console.formats import words
from api.console.page import ConsolePage, MenuGroup
from api.console.pages.lists import LENGTH, ask_of
from api.console.tables import Column, table_page
from api.console.visit import Visit

COLUMNS = (
    Column("source", "Source", "words"),
    Column("rank", "Place there", "number", hint="of all products that may be shown"),
    Column("score", "Score", "number"),
    Column("weight", "Weight", "share", hint="of this model in the blend"),
    Column("chance", "Chance", "share", hint="that the customer buys it"),
)

WORDS = {"ranked_lower": "other products rank higher", "unknown_item": "there is no such product"}
_RULE = "Change that rule, or its dates, on the page Rules."
ADVICE = {
    "sold_out": "It comes back by itself as soon as its stock is above 0.",
    "deleted": "It comes back when the shop sends it again.",
    "ranked_lower": "A rule can move it up: a pin for some days, or a boost.",
    "capped": _RULE,
    **dict.fromkeys(("blocked_by_rule", "buried_by_rule", "lowered_by_rule", "outdone_by_rules"), _RULE),
    **dict.fromkeys(("bought_before", "rated_before"), "This place shows new things only; others do not."),
}


async def view(visit: Visit) -> Response:
    """The form, and the answer for the product and customer that it names."""
    places = await visit.client.placements()
    answer = table = None
    item = visit.query("item")
    if item:
        answer = await visit.client.why_in(ask_of(visit, places), item)
        table = table_page(visit, COLUMNS, answer.sources, default="source", caption="What the models say")
    return visit.render(
        "why.html",
        placements=[(each.name, each.name) for each in places.placements],
        answer=answer,
        cause=WORDS.get(answer.code, words(answer.code)) if answer else "",
        advice=ADVICE.get(answer.code, "") if answer else "",
        table=table,
        length=LENGTH,
    )


PAGE = ConsolePage(
    path="/why",
    title="Why not shown",
    sentence="Why a product is not shown to a customer, and what would change that.",
    view=view,
    menu=MenuGroup.SHOP,
    reads="id",
)
