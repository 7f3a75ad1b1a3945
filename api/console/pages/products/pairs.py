"""Pairs in the console: what lies in one basket together, with support, confidence and lift."""

from starlette.responses import Response

from api.console.page import ConsolePage, MenuGroup
from api.console.tables import Column, TableState, table_page
from api.console.visit import Visit

FIGURES = (
    Column("baskets", "Baskets", "number", hint="with both"),
    Column("support", "Support", "number", hint="of 10,000 baskets, those with both"),
    Column("confidence", "Of first", "share", hint="of the baskets with the first, those with the second, too"),
    Column("confidence_back", "Of second", "share", hint="of the baskets with the second, those with the first"),
    Column("lift", "Lift", "number", hint="how many times as often together as by chance"),
    Column("lift_low", "From", "number", hint="interval of 95 %"),
    Column("lift_high", "To", "number", hint="interval of 95 %"),
)
OF_ITEMS = (
    Column("first", "First", "id", href="/console/product?item="),
    Column("first_name", "Name", "id"),
    Column("second", "Second", "id", href="/console/product?item="),
    Column("second_name", "Name", "id"),
    *FIGURES,
)
OF_LABELS = (Column("first", "First"), Column("second", "Second"), *FIGURES)
ORDERS = ("lift", "baskets", "support", "confidence", "confidence_back")
GROUPS = {"item": "products", "category": "categories", "brand": "brands", "type": "types"}
LEAST, MOST = 50, 5_000


async def view(visit: Visit) -> Response:
    """The form, and the pairs once they are asked for: they take seconds to count."""
    by, least = visit.query("by", "item"), visit.whole("least", LEAST, 1_000_000)
    if not visit.query("count"):
        return visit.render("pairs.html", table=None, answer=None, groups=GROUPS, least=LEAST)
    columns = OF_ITEMS if by == "item" else OF_LABELS
    answer = await visit.client.pairs(by=by, least=least, limit=MOST)
    order = TableState.of_visit(visit, columns, "lift").order
    if answer.n_pairs > len(answer.pairs) and order in ORDERS[1:]:
        answer = await visit.client.pairs(by=by, least=least, order=order, limit=MOST)
    rows = [{**pair, "support": 10_000 * pair["support"]} for pair in answer.pairs]
    table = table_page(visit, columns, rows, default="lift", caption="Pairs")
    return visit.render("pairs.html", table=table, answer=answer, groups=GROUPS, least=LEAST)


PAGE = ConsolePage(
    path="/pairs",
    title="Pairs",
    sentence="What your customers put into one basket, and how much more often than by chance.",
    view=view,
    menu=MenuGroup.SALES,
)
