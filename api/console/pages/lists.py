"""Lists as the storefront shows them: any placement for any customer, now, each item with its reason."""

from starlette.responses import Response

from api.console.page import ConsolePage, MenuGroup
from api.console.visit import Visit
from recsys.client import Ask, Placements, Recommendation, Row
from recsys.errors import BadInput

FACES = ("price", "image", "brand")
LENGTH = 12
MAX_LENGTH = 100


async def view(visit: Visit) -> Response:
    """The form, and the list or rows of its answer."""
    places = await visit.client.placements()
    fault, rows = "", []
    fallback = version = ""
    try:
        ask = ask_of(visit, places)
    except BadInput as error:
        fault = str(error)
    else:
        if visit.query("rows"):
            several = await visit.client.rows(ask)
            rows, fallback, version = [*several.rows], several.fallback, several.model_version
        else:
            single = await visit.client.recommend(ask)
            title = next((each.title for each in places.placements if each.name == ask.placement), "") or ask.placement
            rows, fallback, version = [_as_row(ask, title, single.items)], single.fallback, single.model_version
    return visit.render(
        "lists.html",
        placements=place_choices(places),
        rows=rows,
        problem=fault,
        fallback=fallback,
        version=version,
    )


def place_choices(places: Placements) -> list[tuple[str, str]]:
    """Name of each placement, and the same with its title."""
    return [(each.name, f"{each.name}: {each.title}".rstrip(": ")) for each in places.placements]


def ask_of(visit: Visit, places: Placements) -> Ask:
    """The query of the form.  Raises BadInput for a placement beside products without a product."""
    name = visit.query("placement") or places.placements[0].name
    context = tuple(visit.query("items").replace(",", " ").split())
    wants = next((each.asks for each in places.placements if each.name == name), "history")
    if wants == "context" and not context and not visit.query("rows"):
        raise BadInput(f"The place {name} stands beside products: put in the id of at least one.")
    digits = visit.query("k", str(LENGTH))
    k = min(max(int(digits), 1), MAX_LENGTH) if digits.isdecimal() and len(digits) < 4 else LENGTH
    return Ask(user_id=visit.query("id") or None, placement=name, k=k, context=context, fields=FACES)


def _as_row(ask: Ask, title: str, items: tuple[Recommendation, ...]) -> Row:
    return Row(title=title, placement=ask.placement, because=(), items=items, fallback="")


PAGE = ConsolePage(
    path="/lists",
    title="Lists",
    sentence="What a customer, or a visitor whom nobody knows, sees in your shop right now, and why.",
    view=view,
    menu=MenuGroup.SHOP,
    reads="id",
)
