"""What goes to the service and what comes back.  Fields this build does not know are kept, not refused."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["view", "click", "cart", "wishlist", "purchase", "return", "rating", "impression", "dismiss"]
Attribute = str | int | float | bool | list[str] | None


class Sent(BaseModel):
    """Only what was given is sent: the service has its own defaults."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def body(self) -> dict[str, Any]:
        """As JSON types."""
        return self.model_dump(mode="json", exclude_unset=True)


class Told(BaseModel):
    """What the service said."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


class Ask(Sent):
    """A question; every field is optional.  See docs/api.md."""

    user_id: str | None = None
    placement: str = "home"
    k: int = 10
    session: Sequence[str | Mapping[str, Any]] = ()
    context: Sequence[str] = ()
    exclude: Sequence[str] = ()
    filters: Mapping[str, Any] = Field(default_factory=dict)
    attributes: Mapping[str, Attribute] = Field(default_factory=dict)
    max_per: Mapping[str, int] = Field(default_factory=dict)
    min_score: float | None = None
    diversity: float = 0.0
    seed: int | None = None
    rotate: bool = False
    explain: bool = False
    rows: bool | Sequence[str] = False


class Ranking(Sent):
    """A list of the shop's own, to be put in order; of up to 1,000 ids each comes back once."""

    items: Sequence[str]
    user_id: str | None = None
    session: Sequence[str | Mapping[str, Any]] = ()
    context: Sequence[str] = ()
    placement: str = "home"
    model: str | None = None
    sinks: bool = True
    attributes: Mapping[str, Attribute] = Field(default_factory=dict)


class Event(Sent):
    """Something that happened.  The id is made here, so that an event sent again is stored once."""

    user_id: str
    item_id: str
    kind: Kind
    event_id: str = Field(default_factory=lambda: uuid4().hex)
    at: datetime | int | None = None
    quantity: float = 1.0
    price: float | None = None
    order_id: str | None = None
    rating: float | None = None
    channel: str | None = None
    request_id: str | None = None

    def body(self) -> dict[str, Any]:
        return {**super().body(), "event_id": self.event_id}


class Item(Sent):
    """An item of the catalogue, sent or stored.  Stock None is not counted, so in stock.

    known_from: told by the service; `events` where nothing of the item was ever sent.
    """

    item_id: str
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    price: float | None = None
    stock: float | None = None
    available_from: datetime | int | None = None
    available_until: datetime | int | None = None
    attributes: Mapping[str, Attribute] = Field(default_factory=dict)
    known_from: str | None = Field(default=None, exclude=True)


class User(Sent):
    """A customer, sent or stored.  consent: to `personalisation` and `marketing`; what is not named stays."""

    user_id: str
    attributes: Mapping[str, Attribute] = Field(default_factory=dict)
    consent: Mapping[str, bool | None] | None = None
    merged_ids: Sequence[str] = ()  # as told; never sent

    def body(self) -> dict[str, Any]:
        return {name: value for name, value in super().body().items() if name != "merged_ids"}


class Reason(Told):
    """Why it is shown: a stable code, a sentence, and the items it follows from."""

    code: str
    text: str
    because: tuple[str, ...]


class Recommendation(Told):
    """One place of a list; rank counts from 1."""

    item_id: str
    name: str | None
    score: float
    rank: int
    reason: Reason
    source: str
    expected_rating: float | None = None
    probability: float | None = None
    explanation: dict[str, Any] | None = None


class Recommendations(Told):
    """A list.  Send `request_id` with the events it leads to."""

    items: tuple[Recommendation, ...]
    placement: str
    model_version: str
    fallback: str
    request_id: str


class Row(Told):
    """One titled list of several."""

    title: str
    placement: str
    because: tuple[str, ...]
    items: tuple[Recommendation, ...]
    fallback: str


class Rows(Told):
    """Several lists, no item twice."""

    rows: tuple[Row, ...]
    placement: str
    model_version: str
    fallback: str
    request_id: str


class RankedItem(Told):
    """One place of an ordered list; status: ok, held_back or unavailable."""

    item_id: str
    name: str | None
    score: float
    rank: int
    source: str
    status: str


class Ranked(Told):
    """Every known item once, best first, and the ids nobody ever heard of."""

    items: tuple[RankedItem, ...]
    unknown: tuple[str, ...]
    placement: str
    model_version: str
    fallback: str


class Fan(Told):
    """A customer, the item they are most likely to buy, and the chance of it."""

    user_id: str
    score: float
    item_id: str
    source: str


class Audience(Told):
    """Customers, the most likely to buy first."""

    customers: tuple[Fan, ...]
    model_version: str


class Twin(Told):
    """A customer, how alike their purchases are, and what both have bought."""

    user_id: str
    likeness: float
    shared: tuple[str, ...]


class Twins(Told):
    """Customers, the most alike first."""

    customers: tuple[Twin, ...]
    model_version: str


class ShopRules(Told):
    """The rules as they are written; `digest` names the text, `in_service` what the worker that answered uses."""

    digest: str
    in_service: str
    refusal: str | None
    timezone: str
    rules: tuple[dict[str, Any], ...]
    toml: str


class StoredUsers(Told):
    """How many customers were stored."""

    stored: int


class Receipt(Told):
    """What was done, without saying to whom: ids are digests; `counts` are rows by place."""

    receipt_id: str
    kind: str
    digest: str
    at_ms: int
    seq: int
    counts: Mapping[str, int]
    into: str | None = None


class Remains(Told):
    """Where traces of an erased customer are left: releases by version, and gaps in files."""

    releases: list[str]
    log_file: bool


class Erased(Receipt):
    """A receipt, and what is left by now."""

    remains: Remains


class Merged(Told):
    """`user_id` is who they are from now on; without a receipt they were one already."""

    user_id: str
    merged: bool
    receipt: Receipt | None


class RuleVersion(Told):
    """A text of rules that was taken once."""

    version: int
    digest: str
    at: str


class RuleVersions(Told):
    """Newest first."""

    versions: tuple[RuleVersion, ...]


class RuleTrial(Told):
    """One list without and with the rules, and what differs; see docs/rules.md."""

    without: tuple[Recommendation, ...]
    with_rules: tuple[Recommendation, ...] = Field(alias="with")
    came_in: tuple[dict[str, Any], ...]
    went_out: tuple[dict[str, Any], ...]
    moved: tuple[dict[str, Any], ...]
    rules: tuple[dict[str, Any], ...]


class Why(Told):
    """Why an item is not in a list, or where it stands: a stable code and a sentence; see docs/api.md for the codes."""

    item_id: str
    name: str | None
    place: int | None
    code: str
    text: str
    facts: dict[str, Any]
    rank: int | None
    eligible: int
    sources: tuple[dict[str, Any], ...]
    rules: tuple[dict[str, Any], ...]


class Failure(Told):
    """Why one question of a batch has no answer."""

    code: str
    message: str
    details: tuple[Any, ...] = ()


class Answered(Told):
    """What one question of a batch got: one of the two."""

    answer: Recommendations | Rows | None = None
    error: Failure | None = None


class Answers(Told):
    """In the order of the questions."""

    answers: tuple[Answered, ...]
    request_id: str


class Verdict(Told):
    """What became of one event: accepted, duplicate, withheld (no consent) or rejected."""

    index: int
    event_id: str | None
    verdict: str
    reason: str | None = None


class Verdicts(Told):
    """What became of all: accepted ones are durable."""

    accepted: int
    duplicate: int
    withheld: int = 0
    rejected: int
    events: tuple[Verdict, ...]


class Stored(Told):
    """How many items were stored, and the catalogue's revision with them."""

    stored: int
    revision: int
