"""Promotions: what was redeemed and spent, a form and the text of all with a preview, and the offers of a customer."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from api.console.formats import number, share
from api.console.forms.documents import StoredDocument
from api.console.forms.fields import typed_days, typed_lines, typed_name, typed_number, typed_words
from api.console.page import ConsolePage, MenuGroup
from api.console.tables import Column, DataTable, table_page
from api.console.visit import Visit
from recsys.client import ApiError, Offers, promotion_calls
from recsys.client.promotion_types import PromotionTrial
from recsys.customers.population import MIN_GROUP
from recsys.errors import BadInput
from recsys.time_units import now_ms

DOCUMENT = StoredDocument(
    "promotion",
    promotion_calls.promotions,
    promotion_calls.put_promotions,
    promotion_calls.promotion_version,
    promotion_calls.promotion_versions,
)
BUNDLE_PERCENT, N_BUNDLES = 10.0, 20
COLUMNS = (
    Column("id", "Promotion"),
    Column("title", "Customers read"),
    Column("kind", "Kind", "words"),
    Column("state", "State"),
    Column("given", "Given", "number", hint="coupons that facts say were given"),
    Column("redeemed", "Redeemed", "number"),
    Column("spent", "Spent", "money", hint="discounts redeemed, and the cost of those given"),
    Column("budget", "Budget", "money"),
    Column("left", "Left", "money"),
)
TRIED = (
    Column("id", "Promotion", is_sortable=False),
    Column("title", "Customers read", is_sortable=False),
    Column("change", "Change", "words", is_sortable=False),
    Column("state", "State", "words", is_sortable=False),
    Column("items", "Products", "number", is_sortable=False),
)
OFFERS = (
    Column("title", "Offer", is_sortable=False),
    Column("value", "Value", "money", hint="chance x margin - cost", is_sortable=False),
    Column("chance", "Chance", "share", hint="that the customer takes it in 28 days", is_sortable=False),
    Column("margin", "Margin", "money", hint="of the shop when they do, after the discount", is_sortable=False),
    Column("discount", "Discount", "money", is_sortable=False),
    Column("item_id", "Most likely product", href="/console/product?item=", is_sortable=False),
)
CELLS = (
    Column("stage", "Stage", "words"),
    Column("value_class", "Value", "words"),
    Column("offer", "What suits them", "words"),
    Column("customers", "Customers", "number", hint="fewer than 20 are not told"),
    Column("href", "Who they are", href="/console/customers?where=", is_sortable=False, label="show"),
)
BUNDLES = (
    Column("items", "Products", is_sortable=False),
    Column("price", "Price together", "money"),
    Column("discount", "Discount", "money"),
    Column("profit", "Kept of one", "money"),
    Column("baskets", "Baskets with both", "number"),
    Column("total", "Kept of all", "money"),
    Column("break_even", "More to be sold", "share", hint="so that the discount pays"),
)
TIERS = (
    Column("tier", "Tier"),
    Column("customers", "Members", "number", hint="fewer than 20 are not told"),
    Column("least", "From points", "number"),
)
EFFECTS = (
    Column("name", "What was on", "words"),
    Column("factor", "Times as many purchases", "number"),
    Column("low", "From", "number"),
    Column("high", "To", "number", hint="interval of 95 %"),
    Column("weeks", "Weeks with it", "number"),
    Column("purchases", "Purchases with it", "number"),
)
KINDS = (
    ("discount", "discount on each product"),
    ("threshold", "discount from a basket of so much money on"),
    ("bundle", "products together for less"),
    ("gift", "a product as a gift"),
    ("member_price", "price for members"),
)
ADVICE = "This is advice and no result: a campaign with a control group shows what an offer changed."
NUMBERS = ("percent", "amount", "price", "spend", "budget", "cost")
LISTS = (("items", typed_words), ("categories", typed_lines), ("tiers", typed_lines), ("codes", typed_words))
TEXTS = ("segment", "gift")


@dataclass(frozen=True, slots=True)
class Ideas:
    """What may be offered.  hint: how far it can be trusted, or why there is no table."""

    table: DataTable | None = None
    hint: str = ""
    at_ms: int | None = None


async def view(visit: Visit, trial: PromotionTrial | None = None, text: str | None = None) -> Response:
    """The promotions with their use, the offers of one customer, and the forms; with a trial, what it would change."""
    client, customer = visit.client, visit.typed("id")
    uses, segments = await client.promotion_uses(), await client.segments()
    return visit.render(
        "promotions.html",
        **await DOCUMENT.state(visit, text),
        uses=uses,
        table=table_page(visit, COLUMNS, list(map(_row, uses.promotions)), default="id", caption="Promotions"),
        ideas=await _ideas(visit),
        now=now_ms(),
        segments=[(each["name"], each["name"]) for each in segments.segments],
        kinds=KINDS,
        offers=(await client.offers(customer)) if customer else None,
        customer=customer,
        trial=trial,
        offer_table=lambda offers, caption: _offer_table(visit, offers, caption),
        tried=trial and table_page(visit, TRIED, trial.promotions, default="id", caption="With the change"),
    )


async def _ideas(visit: Visit) -> Ideas:
    """What was asked for below the promotions: each takes seconds, so none of it without being asked."""
    match visit.query("show"):
        case "customers":
            cells = (await visit.client.offer_table()).cells
            rows = [{**cell, "href": json.dumps(cell["where"])} for cell in cells]
            return Ideas(table_page(visit, CELLS, rows, default="customers", caption="Whom an offer suits"), ADVICE)
        case "bundles":
            pairs = await visit.client.bundles(percent=BUNDLE_PERCENT, limit=N_BUNDLES)
            rows = [{**each, "items": " + ".join(each["items"])} for each in pairs.bundles]
            table = table_page(visit, BUNDLES, rows, default="total", caption=f"Together for {BUNDLE_PERCENT:g} % less")
            return Ideas(table, f"{pairs.assumption}. {ADVICE}" if pairs.assumption else ADVICE)
        case "effect":
            return await _effect(visit)
        case "members":
            return await _members(visit)
    return Ideas()


async def _effect(visit: Visit) -> Ideas:
    try:
        effect = await visit.client.promotion_effect()
    except ApiError as error:
        return Ideas(hint=error.message)
    table = table_page(visit, EFFECTS, effect.effects, default="factor", caption="Displays, mailers and other flags")
    n = f"{number(effect.purchases)} purchases of {number(effect.items)} products in {number(effect.stores)} stores"
    return Ideas(table, f"By {n}. What sells well is promoted more often: this is no experiment.", effect.made_at)


async def _members(visit: Visit) -> Ideas:
    programme = await visit.client.loyalty()
    if programme.members is None:
        return Ideas(hint="Fewer than 20 members of a loyalty programme are known: nothing is told.")
    table = table_page(visit, TIERS, programme.tiers, default="least", caption="Members of the loyalty programme")
    parts = [f"{number(programme.members)} members, {share(programme.share)} of those who bought"]
    parts.append(f"{number(programme.earned)} points earned and {number(programme.spent)} spent")
    if len(programme.near) >= MIN_GROUP:
        parts.append(f"{len(programme.near)} are within {programme.within:g} points of the next tier")
    return Ideas(table, "; ".join(parts) + ". A price for members holds for their tier.")


def typed_promotion(visit: Visit) -> dict[str, Any]:
    """The promotion of the form, without what was left empty.  Raises BadInput for a number or a day that is none."""
    title = visit.typed("title")
    if not title:
        raise BadInput("what shall the customer read? Put in a title such as 10 % off tea")
    name = typed_name(visit.typed("name") or title.lower())
    promotion: dict[str, Any] = {"id": name, "title": title, "kind": visit.typed("kind", "discount")}
    promotion |= {field: words for field, read in LISTS if (words := read(visit.typed(field)))}
    promotion |= {field: visit.typed(field) for field in TEXTS if visit.typed(field)}
    promotion |= {field: typed_number(visit.typed(field), "one such as 10") for field in NUMBERS if visit.typed(field)}
    return promotion | typed_days(visit)


async def _preview(visit: Visit, text: str, shown: str) -> Response:
    customer = visit.typed("id")
    trial = await visit.client.try_promotions(text, user_id=customer or None)
    if customer:
        await visit.note_read([customer])
    return await view(visit, trial, shown)


def _row(promotion: dict[str, Any]) -> dict[str, Any]:
    """With the last day in the state, by the clock of the promotion; `until` is the moment after it."""
    if not promotion["until"]:
        return promotion
    last = datetime.fromisoformat(promotion["until"]) - timedelta(minutes=1)
    return promotion | {"state": f"{promotion['state']}, until {last:%Y-%m-%d}"}


def _offer_table(visit: Visit, offers: Offers, caption: str) -> DataTable:
    return table_page(visit, OFFERS, [offer.model_dump() for offer in offers.offers], default="value", caption=caption)


PAGE = ConsolePage(
    path="/promotions",
    title="Promotions",
    sentence="What the shop offers, to whom and for how much money; what was redeemed, and what is left to spend.",
    view=view,
    menu=MenuGroup.OFFERS,
    reads="id",
    actions=DOCUMENT.actions(typed_promotion, _preview),
)
