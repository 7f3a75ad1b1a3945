"""Movers in the console: products that sell more or less than in an earlier window, with the interval of each."""

from starlette.responses import Response

from api.console.page import ConsolePage, MenuGroup
from api.console.tables import Column, table_page
from api.console.visit import Visit

COLUMNS = (
    Column("item_id", "Product", "id", href="/console/product?item="),
    Column("name", "Name", "id"),
    Column("before", "Units before", "number"),
    Column("after", "Units now", "number"),
    Column("difference", "Difference", "number"),
    Column("low", "From", "whole", hint="interval of 95 % of the difference"),
    Column("high", "To", "whole", hint="interval of 95 % of the difference"),
    Column("change", "Change", "share", hint="of the units before; none where there were none"),
    Column("customers", "Customers", "number", hint="who bought it in either window"),
    Column("clear", "Sure?"),
    Column("rank", "Rank", hint="1 is the surest"),
)
DIRECTIONS = {"rise": "rose", "fall": "fell", "all": "rose or fell"}
AGAINST = {"before": "the days just before", "year": "the same weekdays a year before"}
DAYS, MOST_DAYS, MOST, YEAR = 28, 400, 2_000, 364


async def view(visit: Visit) -> Response:
    """The form, and the products once they are asked for: they take seconds to count."""
    days, way = visit.whole("days", DAYS, MOST_DAYS), visit.query("way", "rise")
    words = {"directions": DIRECTIONS, "against": AGAINST, "days": DAYS}
    if not visit.query("count"):
        return visit.render("movers.html", table=None, answer=None, **words)
    back = max(YEAR, days) if visit.query("against") == "year" else days
    answer = await visit.client.movers(days=days, back=back, limit=MOST)
    rows = [
        {**row, "rank": rank, "clear": "yes" if row["is_clear"] else "may be chance"}
        for rank, row in enumerate(answer.items, 1)
        if way == "all" or (row["difference"] > 0) == (way == "rise")
    ]
    if visit.query("sure", "1") == "1":
        rows = [row for row in rows if row["is_clear"]]
    caption = f"Products that {DIRECTIONS.get(way, DIRECTIONS['all'])}"
    table = table_page(visit, COLUMNS, rows, default="rank", caption=caption)
    return visit.render("movers.html", table=table, answer=answer, **words)


PAGE = ConsolePage(
    path="/movers",
    title="Rise and fall",
    sentence="Which products sell more or less than before, and which of that is more than chance.",
    view=view,
    menu=MenuGroup.SALES,
)
