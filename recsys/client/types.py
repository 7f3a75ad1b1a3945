"""Request and response models of the client.  Fields that this version does not know are kept, not refused."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["view", "click", "cart", "wishlist", "purchase", "return", "rating", "impression", "dismiss"]
Consent = bool | None | str | int | Mapping[str, Mapping[str, bool | None]]  # the last: of `channels`
Attribute = str | int | float | bool | list[str] | None


class RequestModel(BaseModel):
    """Base of what is sent: only fields that were set, because the service has its own defaults."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def body(self) -> dict[str, Any]:
        """As JSON types."""
        return self.model_dump(mode="json", exclude_unset=True)


class ResponseModel(BaseModel):
    """Base of what the service answers."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


class Ask(RequestModel):
    """A query; every field is optional.  See docs/api.md."""

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
    fields: Sequence[str] = ()
    rows: bool | Sequence[str] = False


class Ranking(RequestModel):
    """Up to 1,000 items sent by the shop to be ranked; each known one is returned once."""

    items: Sequence[str]
    user_id: str | None = None
    session: Sequence[str | Mapping[str, Any]] = ()
    context: Sequence[str] = ()
    placement: str = "home"
    model: str | None = None
    sinks: bool = True
    attributes: Mapping[str, Attribute] = Field(default_factory=dict)
    fields: Sequence[str] = ()


class Event(RequestModel):
    """Something that happened in the shop.  The id is made here, so that an event sent again is stored once."""

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
    discount: float | None = None
    coupon: str | None = None
    campaign: str | None = None

    def body(self) -> dict[str, Any]:
        return {**super().body(), "event_id": self.event_id}


class Item(RequestModel):
    """An item of the catalogue, sent or stored.  Stock None is not counted, so in stock.

    known_from: set by the service; `events` for an item that was never described.
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
    cost: float | None = None
    known_from: str | None = Field(default=None, exclude=True)


class User(RequestModel):
    """A customer, sent or stored.  consent: to `personalisation` and `marketing`; what is not named stays.

    `channels`: answers by purpose and channel.  Sent with `at` and `source`, the answers have this date and place.
    """

    user_id: str
    attributes: Mapping[str, Attribute] = Field(default_factory=dict)
    consent: Mapping[str, Consent] | None = None
    merged_ids: Sequence[str] = ()  # set by the service, never sent

    def body(self) -> dict[str, Any]:
        return {name: value for name, value in super().body().items() if name != "merged_ids"}


class Reason(ResponseModel):
    """Why an item is shown: a stable code, a sentence, and the items it is based on."""

    code: str
    text: str
    because: tuple[str, ...]


class Recommendation(ResponseModel):
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
    fields: dict[str, Any] | None = None
    team: str | None = None


class Recommendations(ResponseModel):
    """A list.  Send `request_id` with the events it leads to.  attributes: used, no_effect or unknown; see the API."""

    items: tuple[Recommendation, ...]
    placement: str
    model_version: str
    fallback: str
    request_id: str
    attributes: str | None = None
    experiment: dict[str, str] | None = None


class Placement(ResponseModel):
    """A named spot of the shop; asks: `history`, or `context` for lists beside items."""

    name: str
    title: str
    asks: str
    rows: tuple[str, ...]


class Placements(ResponseModel):
    """All placements of the shop."""

    placements: tuple[Placement, ...]


class Row(ResponseModel):
    """One titled list of several."""

    title: str
    placement: str
    because: tuple[str, ...]
    items: tuple[Recommendation, ...]
    fallback: str


class Rows(ResponseModel):
    """Several lists without a common item."""

    rows: tuple[Row, ...]
    placement: str
    model_version: str
    fallback: str
    request_id: str
    experiment: dict[str, str] | None = None


class RankedItem(ResponseModel):
    """One ranked item; status: ok, held_back or unavailable."""

    item_id: str
    name: str | None
    score: float
    rank: int
    source: str
    status: str
    fields: dict[str, Any] | None = None


class Ranked(ResponseModel):
    """Every known item once, best first, and the unknown ids."""

    items: tuple[RankedItem, ...]
    unknown: tuple[str, ...]
    placement: str
    model_version: str
    fallback: str


class ShopRules(ResponseModel):
    """The stored rules; `digest` names the text, `in_service` is the digest that the worker uses."""

    digest: str
    in_service: str
    refusal: str | None
    timezone: str
    rules: tuple[dict[str, Any], ...]
    toml: str


class StoredUsers(ResponseModel):
    """The number of customers that were stored."""

    stored: int


class Receipt(ResponseModel):
    """Receipt of an erasure or a merge.  It names nobody: ids are digests; `counts` are numbers of rows by place."""

    receipt_id: str
    kind: str
    digest: str
    at_ms: int
    seq: int
    counts: Mapping[str, int]
    into: str | None = None
    log_id: str = ""


class Remains(ResponseModel):
    """Where traces of an erased customer are left: releases by version, and unused pages of the log."""

    releases: list[str]
    log_file: bool


class Erased(Receipt):
    """A receipt, and the traces that are left now."""

    remains: Remains


class Unmerged(ResponseModel):
    """The id is a customer of its own again; the receipt counts the events that came back."""

    user_id: str
    receipt: Receipt


class Merged(ResponseModel):
    """`user_id` is the id from now on; without a receipt the ids were merged already."""

    user_id: str
    merged: bool
    receipt: Receipt | None


class Run(ResponseModel):
    """One run of a job: times in Unix ms, verdict with its reasons, data, resources; `log` in a single run only."""

    run_id: str
    job: str
    cause: str
    started_ms: int
    ended_ms: int | None
    verdict: str
    reasons: list[str]
    log_id: str
    log_seq: int
    item_revision: int
    data_digest: str
    version: str | None
    result: Mapping[str, Any]
    wall_s: float
    cpu_s: float
    peak_mib: float
    steps: Mapping[str, Mapping[str, float]]
    log: list[str]


class Runs(ResponseModel):
    """Runs of jobs, the newest first."""

    runs: list[Run]


class RuleVersion(ResponseModel):
    """A text of rules that was accepted."""

    version: int
    digest: str
    at: str


class RuleVersions(ResponseModel):
    """All versions, the newest first."""

    versions: tuple[RuleVersion, ...]


class RuleTrial(ResponseModel):
    """One list without and with the rules, and the differences; see docs/rules.md."""

    without: tuple[Recommendation, ...]
    with_rules: tuple[Recommendation, ...] = Field(alias="with")
    came_in: tuple[dict[str, Any], ...]
    went_out: tuple[dict[str, Any], ...]
    moved: tuple[dict[str, Any], ...]
    rules: tuple[dict[str, Any], ...]
    shop: dict[str, Any] | None = None


class ListRates(ResponseModel):
    """How satisfied customers are with the lists of a time (Unix ms), in all and by placement, source and day."""

    from_ms: int = Field(alias="from")
    to: int
    hours: float
    all: dict[str, Any]
    by: dict[str, tuple[dict[str, Any], ...]]


class Why(ResponseModel):
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


class Failure(ResponseModel):
    """The error of one query of a batch."""

    code: str
    message: str
    details: tuple[Any, ...] = ()


class Answered(ResponseModel):
    """The result of one query of a batch: a list or an error."""

    answer: Recommendations | Rows | None = None
    error: Failure | None = None


class Answers(ResponseModel):
    """Results in the order of the queries."""

    answers: tuple[Answered, ...]
    request_id: str


class Verdict(ResponseModel):
    """The verdict on one event: accepted, duplicate, conflict, withheld (no consent) or rejected."""

    index: int
    event_id: str | None
    verdict: str
    reason: str | None = None


class Verdicts(ResponseModel):
    """The verdicts on all events; accepted ones are durable."""

    accepted: int
    duplicate: int
    conflict: int = 0
    withheld: int = 0
    rejected: int
    events: tuple[Verdict, ...]


class Stored(ResponseModel):
    """The number of items that were stored, and the revision of the catalogue after that."""

    stored: int
    revision: int
