"""Names of products for whoever fills a form: the ids of those that match what is being typed."""

from starlette.responses import Response

from api.console.page import ConsolePage
from api.console.visit import Visit

MAX_NAMES = 10
FIELDS = ("product", "item")  # of forms that ask for the id of a product


async def view(visit: Visit) -> Response:
    """Options of a field, and links where scripts are off."""
    text = next(filter(None, map(visit.query, FIELDS)), "")
    matching = (await visit.client.search_items(text, limit=MAX_NAMES, unlisted=True)).items if text else ()
    return visit.render("product_names.html", items=matching)


PAGE = ConsolePage(
    path="/products/names",
    title="Names of products",
    sentence="Products that match what is being typed.",
    view=view,
)
