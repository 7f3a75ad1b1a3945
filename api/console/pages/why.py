"""Diagnosis of one item in one list: why it is not there, or how it came to its place."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from api.console.formats import words
from api.console.page import ConsolePage, MenuGroup
from api.console.pages.lists import LENGTH, ask_of, place_choices
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.client.types import Why

COLUMNS = (
    Column("source", "Source", "words"),
    Column("rank", "Place there", "number", hint="of all products that may be shown"),
    Column("score", "Score", "number"),
    Column("weight", "Weight", "share", hint="of this model in the blend"),
    Column("chance", "Chance", "share", hint="that the customer buys it"),
)

WORDS = {
    "ranked_lower": "other products rank higher",
    "unknown_item": "there is no such product",
    "never_shown": "its kind is never shown",
    "not_listed": "the release in service does not know it",
}
NEVER = frozenset({"unknown_item", "never_shown", "not_listed", "deleted"})  # a pin would not help
MAX_MATCHING = 8
_RULE = "Change that rule, or its dates, on the page Rules."
ADVICE = {
    "sold_out": "It comes back by itself as soon as its stock is above 0.",
    "deleted": "It comes back when the shop sends it again.",
    "never_shown": "Whoever runs the service took this kind out of every list in recsys.toml, and can let it in again.",
    "ranked_lower": "A rule can move it up: a pin for some days, or a boost.",
    "capped": _RULE,
    **dict.fromkeys(("blocked_by_rule", "buried_by_rule", "lowered_by_rule", "outdone_by_rules"), _RULE),
    **dict.fromkeys(("bought_before", "rated_before"), "This place shows new things only; others do not."),
}


async def view(visit: Visit) -> Response:
    """The form, and the answer for the product and customer that it names."""
    places = await visit.client.placements()
    answer = table = None
    matching: Sequence[Mapping[str, Any]] = ()
    item = visit.query("item")
    if item:
        answer = await visit.client.why_in(ask_of(visit, places), item)
        table = table_page(visit, COLUMNS, answer.sources, default="source", caption="What the models say")
        if answer.code == "unknown_item":
            matching = (await visit.client.search_items(item, limit=MAX_MATCHING, unlisted=True)).items
    return visit.render(
        "why.html",
        placements=place_choices(places),
        answer=answer,
        matching=matching,
        text=_text(answer) if answer else "",
        may_be_pinned=answer is not None and answer.code not in NEVER,
        cause=WORDS.get(answer.code, words(answer.code)) if answer else "",
        advice=ADVICE.get(answer.code, "") if answer else "",
        table=table,
        length=LENGTH,
    )


def _text(answer: Why) -> str:
    """The reason without the scores of the models, which stand in the table."""
    return f"{answer.text.split('. ')[0].rstrip('.')}." if answer.code in ("ranked_lower", "shown") else answer.text


PAGE = ConsolePage(
    path="/why",
    title="Why not shown",
    sentence="Why a product is not shown to a customer, and what would change that.",
    view=view,
    menu=MenuGroup.SHOP,
    reads="id",
)
