"""Customer card: who one customer is, what they need, and the answers to an access request or a wish to be erased."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from api.console.page import Action, ConsolePage
from api.console.roles import Role
from api.console.visit import Visit
from recsys.client import ApiError
from recsys.errors import BadInput

COUNTS = {  # of a receipt: the words for each, and what became of them where they were not deleted
    "events": ("Events: views, baskets, orders", ""),
    "records": ("Record of the customer", ""),
    "ids": ("Their ids", ""),
    "facts": ("Facts: messages, coupons", ""),
    "shown": ("Lists they were shown", ""),
    "rejected_lines": ("Refused lines of imports", ""),
    "mentions": ("Mentions elsewhere", ""),
    "mentions_kept": ("Values that look like the id", "left: they may mean something else"),
}


async def view(visit: Visit) -> Response:
    """The card, or the words why there is none."""
    user_id = visit.typed("id")
    if not user_id:
        return visit.render("customer.html", card=None, user_id="")
    try:
        card = await visit.client.customer(user_id)
    except ApiError as error:
        if error.status != 404:
            raise
        return visit.render("customer.html", card=None, user_id=user_id)
    return visit.render("customer.html", card=card, user_id=user_id, title=f"Customer {card.user_id}")


async def export(visit: Visit) -> Response:
    """All data of the customer, as a file."""
    document = await visit.client.export_user(_user_id(visit))
    headers = {"content-disposition": 'attachment; filename="customer-data.json"'}
    return Response(orjson.dumps(document, option=orjson.OPT_INDENT_2), headers=headers, media_type="application/json")


async def erase(visit: Visit) -> Response:
    """Erases the customer whose id was typed once more."""
    user_id = _user_id(visit)
    if visit.typed("again") != user_id:
        raise BadInput("Nothing was erased: type the id of the customer once more, exactly, to confirm.")
    receipt = await visit.client.erase_user(user_id)
    return visit.redirect("/receipt", "The customer is erased. Keep the number of the receipt.", id=receipt.receipt_id)


async def consent(visit: Visit) -> Response:
    """Stores what the customer says to marketing and personalisation."""
    answers: Mapping[str, Any] = {"yes": True, "no": False, "unset": None}
    given = {purpose: visit.typed(purpose) for purpose in ("marketing", "personalisation")}
    wrong = [word for word in given.values() if word not in answers]
    if wrong:
        raise BadInput(f"{wrong[0]!r}: choose yes, no or not asked")
    user_id = _user_id(visit)
    await visit.client.change_user(user_id, consent={purpose: answers[word] for purpose, word in given.items()})
    return visit.redirect("/customer", "The consent is saved, and holds from the next answer on.", id=user_id)


async def receipt(visit: Visit) -> Response:
    """The receipt of an erasure, and what is left of it."""
    number = visit.query("id")
    erased = await visit.client.receipt(number) if number else None
    return visit.render("receipt.html", receipt=erased, counts=COUNTS)


def _user_id(visit: Visit) -> str:
    user_id = visit.typed("id")
    if not user_id:
        raise BadInput("the id of the customer is missing; open their card first")
    return user_id


PAGE = ConsolePage(
    path="/customer",
    title="Customer",
    sentence="Who this customer is, what they will need next, and what they allow.",
    view=view,
    reads="id",
    actions={
        "export": Action(export, Role.MARKETER, subject="id"),
        "erase": Action(erase, Role.MARKETER, subject="id"),
        "consent": Action(consent, Role.MARKETER, subject="id"),
    },
)
RECEIPT = ConsolePage(
    path="/receipt",
    title="Receipt",
    sentence="What an erasure deleted, and where traces are left until they are swept.",
    view=receipt,
    role=Role.MARKETER,
)
