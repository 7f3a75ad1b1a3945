"""Product page: one product with what goes with it and who wants it."""

from starlette.responses import Response

from api.console.page import ConsolePage
from api.console.tables import Column, table_page
from api.console.visit import Visit
from recsys.client import ApiError, Ask, Recommendation

FANS = (
    Column("user_id", "Customer", href="/console/customer?id="),
    Column("score", "Chance", "share", hint="to buy it in 28 days"),
)
N_BESIDE, N_FANS = 6, 20


async def view(visit: Visit) -> Response:
    """One product; who wants it on demand, because that takes seconds."""
    beside, product, fans = [], None, None
    item = visit.query("item")
    if item:
        product = await visit.client.item(item)
        beside = await _beside(visit, item)
        if beside and visit.query("fans"):
            audience = await visit.client.audience(item, limit=N_FANS)
            await visit.note_read([fan.user_id for fan in audience.customers])
            rows = [fan.model_dump() for fan in audience.customers]
            fans = table_page(visit, FANS, rows, default="score", caption="Who wants it")
    title = (product.name or product.item_id) if product else "Product"
    return visit.render("product.html", title=title, product=product, beside=beside, fans=fans)


async def _beside(visit: Visit, item: str) -> list[tuple[str, tuple[Recommendation, ...]]]:
    """What goes with it; nothing for a product that is never shown, of which no model knows."""
    ask = Ask(placement="bought-together", context=(item,), k=N_BESIDE)
    try:
        similar = await visit.client.similar(item, k=N_BESIDE)
    except ApiError as error:
        if error.status != 404:
            raise
        return []
    return [("Bought with it", (await visit.client.recommend(ask)).items), ("Similar", similar.items)]


PAGE = ConsolePage(
    path="/product",
    title="Product",
    sentence="One product: what is known of it, what is bought with it, and who wants it.",
    view=view,
)
