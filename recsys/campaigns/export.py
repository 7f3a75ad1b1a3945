"""Export of the treated: the list for the mail tool of the shop, as a file or as signed messages.  Nothing is sent."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import orjson

from recsys.campaigns.campaign import CLOSED, DRAFT, Campaign
from recsys.campaigns.contact_times import best_times
from recsys.campaigns.eligibility import may_contact
from recsys.campaigns.members import find_members
from recsys.customers.contact_times import BEST
from recsys.data.entities import User
from recsys.data.store.base import Store
from recsys.data.store.campaigns.records import Arm, CampaignMember
from recsys.engine.engine import Engine
from recsys.errors import BadInput

if TYPE_CHECKING:
    import polars as pl

PAGE_CUSTOMERS = 500  # of one signed message
FRAME_ROWS = 50_000
# Names under which shops keep what a mail tool asks for, in lower case without spaces, dashes and underscores.
_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email", "emailaddress", "mail"),
    "first_name": ("firstname", "givenname"),
    "last_name": ("lastname", "surname", "familyname"),
    "phone": ("phone", "phonenumber", "mobile", "sms"),
}

Value = Callable[["_Row"], str]


@dataclass(frozen=True, slots=True)
class _Row:
    """A treated customer.  best_hour, best_day: empty where nothing is known."""

    member: CampaignMember
    user: User | None
    campaign: Campaign
    attributes: Mapping[str, str] = field(default_factory=dict)
    best_hour: str = ""
    best_day: str = ""

    def attribute(self, name: str) -> str:
        return next((self.attributes[key] for key in _ATTRIBUTES[name] if key in self.attributes), "")


def _attribute(name: str) -> Value:
    return lambda row: row.attribute(name)


def _customer(row: _Row) -> str:
    return row.member.user_id


def _campaign(row: _Row) -> str:
    return row.campaign.id


def _best_hour(row: _Row) -> str:
    return row.best_hour


def _best_day(row: _Row) -> str:
    return row.best_day


def _coupon(row: _Row) -> str:
    return row.campaign.definition.offer.coupon or ""


# Columns of each layout.  All but the plain one need an e-mail address.
LAYOUTS: Final[Mapping[str, Mapping[str, Value]]] = {
    "plain": {
        "user_id": _customer,
        "campaign": _campaign,
        "channel": lambda row: row.campaign.definition.channel,
        "coupon": _coupon,
        "stage": lambda row: row.member.stratum,
        "best_hour": _best_hour,
        "best_day": _best_day,
    },
    "mailchimp": {
        "Email Address": _attribute("email"),
        "First Name": _attribute("first_name"),
        "Last Name": _attribute("last_name"),
        "Tags": _campaign,
        "COUPON": _coupon,
        "BESTHOUR": _best_hour,
        "BESTDAY": _best_day,
    },
    "brevo": {
        "EMAIL": _attribute("email"),
        "FIRSTNAME": _attribute("first_name"),
        "LASTNAME": _attribute("last_name"),
        "SMS": _attribute("phone"),
        "EXT_ID": _customer,
        "CAMPAIGN": _campaign,
        "COUPON": _coupon,
        "BEST_HOUR": _best_hour,
        "BEST_DAY": _best_day,
    },
    "klaviyo": {
        "Email": _attribute("email"),
        "First Name": _attribute("first_name"),
        "Last Name": _attribute("last_name"),
        "Phone Number": _attribute("phone"),
        "External ID": _customer,
        "Campaign": _campaign,
        "Coupon": _coupon,
        "Best Hour": _best_hour,
        "Best Day": _best_day,
    },
}


@dataclass(frozen=True, slots=True)
class TreatedList:
    """rows: the treated who may still be written to, by the columns of the layout.

    withdrawn: refused since the draw.  no_address: without an e-mail address, where the layout needs one.  notes: what
    else is missing, in words.
    """

    campaign_id: str
    layout: str
    rows: list[dict[str, str]]
    withdrawn: int
    no_address: int
    notes: list[str]

    def summary(self) -> dict[str, Any]:
        """What is on the list and what is missing, as JSON types."""
        counts = {"customers": len(self.rows), "withdrawn": self.withdrawn, "no_address": self.no_address}
        return counts | {"notes": self.notes}

    def left_out(self) -> list[str]:
        """Why treated customers are not on the list, in words."""
        withdrawn = [f"{self.withdrawn:,} withdrew consent since the draw"] if self.withdrawn else []
        no_address = [f"{self.no_address:,} have no e-mail address among their attributes"] if self.no_address else []
        return withdrawn + no_address + self.notes

    def frames(self) -> "Iterator[pl.DataFrame]":
        """The rows page by page."""
        import polars as pl  # here, not above: a service does not need it

        for first in range(0, len(self.rows), FRAME_ROWS):
            yield pl.DataFrame(self.rows[first : first + FRAME_ROWS], schema=self.schema())

    def content(self, name: str) -> bytes:
        """The rows as a file of that format, of FORMATS."""
        from recsys.data.files.destination import Destination

        with TemporaryDirectory(prefix="recsys-treated-") as folder:
            file = Path(folder) / f"treated.{name}"
            Destination(str(file)).write(self.frames(), self.schema())
            return file.read_bytes()

    def schema(self) -> "Mapping[str, type[pl.DataType]]":
        import polars as pl

        return dict.fromkeys(LAYOUTS[self.layout], pl.String)

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """The rows as messages for a webhook, each with its id: the same again for the same rows."""
        pages = range(0, len(self.rows), PAGE_CUSTOMERS)
        for number, first in enumerate(pages, 1):
            rows = self.rows[first : first + PAGE_CUSTOMERS]
            digest = hashlib.blake2b(orjson.dumps(rows), digest_size=8).hexdigest()
            name = f"campaign_{self.campaign_id}_{number}_{digest}"
            content = {"id": name, "type": "campaign.treated", "campaign": self.campaign_id}
            yield name, orjson.dumps({**content, "page": number, "pages": len(pages), "customers": rows})


def treated_list(store: Store, campaign: Campaign, layout: str, engine: Engine | None) -> TreatedList:
    """The list of the treated now.  engine: of the live release, which knows best hours and days; None without one.

    Raises BadInput before the draw, after the end, and for an unknown layout."""
    if layout not in LAYOUTS:
        raise BadInput(f"layout: {layout!r:.40} is none; use one of {', '.join(LAYOUTS)}")
    if campaign.record.status == CLOSED or not campaign.is_drawn:
        why = "is closed" if campaign.record.status == CLOSED else f"is a {DRAFT}; draw it first"
        raise BadInput(f"campaign {campaign.id!r} {why}: nobody is exported")
    drawn = find_members(store, campaign)
    rows, withdrawn, no_address = list[_Row](), 0, 0
    for member in drawn.members:
        if member.arm is not Arm.TREATED:
            continue
        user = store.user(member.user_id)
        if not may_contact(user, campaign.definition):
            withdrawn += 1
            continue
        row = _Row(member, user, campaign, _plain_attributes(user))
        if layout != "plain" and not row.attribute("email"):
            no_address += 1
            continue
        rows.append(row)
    rows, notes = _with_times(rows, engine)
    cells = [{name: value(row) for name, value in LAYOUTS[layout].items()} for row in rows]
    return TreatedList(campaign.id, layout, cells, withdrawn, no_address, drawn.notes + notes)


def _with_times(rows: list[_Row], engine: Engine | None) -> tuple[list[_Row], list[str]]:
    """The rows with the best hour and day of each customer, and what is to be said of these."""
    if engine is None:
        return rows, ["best hour and day: nothing is live yet"]
    times = best_times(engine, engine.users.positions([row.member.user_id for row in rows]))
    places = zip(rows, *map(times.column, BEST), strict=True)
    return [replace(row, best_hour=hour, best_day=day) for row, hour, day in places], times.notes


def _plain_attributes(user: User | None) -> dict[str, str]:
    """Text attributes of the customer by their names without case, spaces, dashes and underscores."""
    attributes = {} if user is None else user.attributes
    return {
        name.lower().replace("_", "").replace("-", "").replace(" ", ""): value
        for name, value in attributes.items()
        if isinstance(value, str)
    }
