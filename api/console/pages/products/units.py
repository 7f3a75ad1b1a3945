"""Products page: search by name, and what will sell in the next weeks."""

from starlette.responses import Response

from api.console.page import ConsolePage, MenuGroup
from api.console.tables import Column, DataTable, TableState, table_page
from api.console.visit import Visit

COLUMNS = (
    Column("item_id", "Product", "id", href="/console/product?item="),
    Column("name", "Name", "id"),
    Column("units", "Units expected", "whole"),
    Column("low", "From", "whole"),
    Column("high", "To", "whole"),
)
MATCHING = (
    Column("item_id", "Product", "id", href="/console/product?item=", is_sortable=False),
    Column("name", "Name", is_sortable=False),
    Column("category", "Category", is_sortable=False),
    Column("brand", "Brand", is_sortable=False),
    Column("price", "Price", "money", is_sortable=False),
    Column("shown", "Shown", is_sortable=False, hint="never: the shop took its kind out of every list"),
)
MAX_PRODUCTS, MAX_FOUND = 1_000, 49  # of a search: less than a page of a table


async def view(visit: Visit) -> Response:
    """The products that match, else those that will sell most, which come after the rest of the page."""
    query = visit.query("query")
    if query:
        matching = await visit.client.search_items(query, limit=MAX_FOUND, unlisted=True)
        rows = [{**item, "shown": "yes" if item["is_listed"] else "never"} for item in matching.items]
        table = DataTable(MATCHING, rows, TableState("item_id"), None, "Products that match")
        return visit.render("products.html", table=table, total=matching.total, answer=None)
    if not visit.query("units"):  # the search does not wait for them
        return visit.render("products.html", total=None, answer=None)
    answer = await visit.client.expected_units(limit=MAX_PRODUCTS)
    table = table_page(visit, COLUMNS, answer.items, default="units", caption="Units expected")
    return visit.render("products.html", table=table, total=None, answer=answer)


PAGE = ConsolePage(
    path="/products",
    title="Products",
    sentence="Find a product, and see which will sell most in the next weeks.",
    view=view,
    menu=MenuGroup.SALES,
)
