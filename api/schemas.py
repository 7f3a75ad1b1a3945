"""What goes in and comes out over HTTP: the same models check a request and describe it at /docs."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, StringConstraints

from recsys.data.events import KIND_BY_NAME
from recsys.data.storable import MAX_ID, MAX_NUMBER, MAX_RATING
from recsys.ranking.where_schema import WhereIn

EARLIEST_MS = 631_152_000_000  # 1990: what is earlier was sent in seconds
LATEST_MS = 253_402_300_799_000  # 9999
MAX_K = 100
MAX_ROWS = 12
MAX_ASKS = 256
MAX_SESSION = 200
MAX_NAMES = 1_000

KindName = Literal[
    "view", "click", "cart", "wishlist", "purchase", "return", "rating", "impression", "dismiss"
]  # of Kind, in its order
assert set(KindName.__args__) == set(KIND_BY_NAME), "KindName and Kind must name the same"  # type: ignore[attr-defined]


def _milliseconds(value: object) -> object:
    """Unix milliseconds from a number or ISO 8601; without an offset it is UTC."""
    if not isinstance(value, str):
        if isinstance(value, int | float) and EARLIEST_MS // 1_000 <= value < EARLIEST_MS:
            raise ValueError(f"{value} are seconds; use Unix milliseconds ({value * 1_000}), or ISO 8601")
        return value
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("use ISO 8601, such as 2024-05-01T12:00:00Z, or Unix milliseconds") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000)


def _in_order(names: list[str]) -> list[str]:
    """The same set is the same question."""
    return sorted(set(names))


def _at_most(limit: float) -> float:
    """No price is higher than that, and the filter fits the single precision of prices."""
    return min(limit, 2 * MAX_NUMBER)


Step = Literal["personal", "session", "segment", "popular"]
Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00]*$")]
Time = Annotated[
    int,
    BeforeValidator(_milliseconds, json_schema_input_type=str | int),
    Field(ge=EARLIEST_MS, le=LATEST_MS, description="ISO 8601 (UTC when it has no offset) or Unix milliseconds"),
]
Amount = Annotated[FiniteFloat, Field(ge=0, le=MAX_NUMBER)]
Limit = Annotated[FiniteFloat, Field(ge=0), AfterValidator(_at_most)]
Names = Annotated[list[Text], Field(max_length=MAX_NAMES), AfterValidator(_in_order)]
AttributeIn = bool | FiniteFloat | Text | list[Text] | None


class In(BaseModel):
    """A misspelt field is an error, and text is not taken for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FiltersIn(In):
    """By exact name; prices are inclusive, and an item without a price fails them."""

    category_in: Names | None = Field(default=None, description="only these categories")
    category_out: Names = Field(default=[], description="none of these categories")
    brand_in: Names | None = Field(default=None, description="only these brands")
    brand_out: Names = Field(default=[], description="none of these brands")
    price_from: Limit | None = None
    price_to: Limit | None = None
    in_stock: bool = Field(
        default=False, description="only items whose stock is counted and above 0; sold-out ones never show"
    )
    where: WhereIn | None = None


class SessionEvent(In):
    """Something an anonymous visitor did."""

    item_id: Id
    kind: KindName = "view"
    at: Time | None = Field(default=None, description="now when left out")


class RecommendationsIn(In):
    """Everything but the placement is optional; unknown ids are ignored, never an error."""

    user_id: Id | None = Field(default=None, description="the customer; none for an anonymous visitor")
    placement: Text = Field(default="home", description="a named spot of the shop")
    k: int = Field(default=10, ge=1, le=MAX_K, description="most items wanted")
    session: list[Id | SessionEvent] = Field(
        [], max_length=MAX_SESSION, description="what the visitor did, oldest first"
    )
    context: list[Id] = Field(
        [], max_length=MAX_SESSION, description="items looked at or in the basket; not shown back"
    )
    exclude: Names = Field(default=[], description="items never to show in this answer")
    filters: FiltersIn = FiltersIn()
    attributes: Annotated[dict[Text, AttributeIn], Field(max_length=200)] = Field(
        default={}, description="what is known of a customer without a history, over what was imported of them"
    )
    max_per: Annotated[dict[Text, Annotated[int, Field(ge=1, le=MAX_K)]], Field(max_length=8)] = Field(
        default={},
        description="most items of one value, by attribute; a list is short only when nothing else may stand",
    )
    min_score: FiniteFloat | None = Field(
        default=None, description="what each item must score, in the scale of its source; the list may be short then"
    )
    diversity: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        default=0.0, description="0 leaves the list as it is, 1 looks only for what is unlike the rest"
    )
    seed: int | None = Field(default=None, ge=0, lt=2**53, description="explores a little, the same seed the same way")
    explain: bool = Field(default=False, description="tells with each item how it came to its place")
    rotate: bool = Field(
        default=False,
        description="what this customer was shown lately, by answers and by impressions posted, sinks: asked twice, "
        "there are other items the second time",
    )
    rows: bool | Annotated[list[Text], Field(min_length=1, max_length=MAX_ROWS)] = Field(
        default=False,
        description="true: several titled lists in one answer, those of the placement; or the placements to take",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session": ["1029743", {"item_id": "995242", "kind": "cart"}],
                    "placement": "home",
                    "k": 5,
                    "filters": {"category_out": ["FLORAL"], "price_to": 20},
                    "max_per": {"brand": 2},
                    "diversity": 0.3,
                }
            ]
        }
    )


class BatchIn(In):
    """Up to 256 questions in one request, each as it would be asked alone."""

    asks: list[RecommendationsIn] = Field(min_length=1, max_length=MAX_ASKS)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"asks": [{"user_id": "1", "k": 5}, {"placement": "basket", "context": ["995242", "1082185"], "k": 3}]}
            ]
        }
    )


class EventIn(In):
    """Something that happened.  Sent twice with one event_id, it is stored once."""

    event_id: Id | None = Field(default=None, description="made from the content when `at` is given, else at random")
    user_id: Id
    item_id: Id
    kind: KindName
    at: Time | None = Field(default=None, description="now when left out; not more than 5 minutes ahead")
    quantity: Annotated[FiniteFloat, Field(gt=0, le=MAX_NUMBER)] = 1.0
    price: Amount | None = Field(default=None, description="what one unit cost the customer")
    order_id: Id | None = None
    rating: Annotated[FiniteFloat, Field(ge=-MAX_RATING, le=MAX_RATING)] | None = Field(
        default=None, description="only with kind `rating`"
    )
    channel: Id | None = None
    request_id: Id | None = Field(default=None, description="of the answer that showed the item")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": "1", "item_id": "995242", "kind": "purchase", "quantity": 2, "price": 1.5}]
        }
    )


class EventsIn(In):
    """Several events in one request."""

    events: list[EventIn]


class ItemFields(In):
    """What can be said of an item.  Stock left out or null is not counted, so in stock."""

    name: Text | None = None
    category: Text | None = None
    brand: Text | None = None
    price: Amount | None = None
    stock: Amount | None = Field(default=None, description="0 is sold out: gone from the next answer")
    available_from: Time | None = None
    available_until: Time | None = None
    attributes: Annotated[dict[Text, AttributeIn], Field(max_length=200)] = {}

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Oat milk", "category": "DAIRY", "price": 2.19, "stock": 40}]}
    )


class ItemIn(ItemFields):
    """An item in bulk."""

    item_id: Id

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"item_id": "995242", "name": "Oat milk", "price": 2.19}]}
    )


class ItemsIn(In):
    """Several items in one request; each replaces what was known of it."""

    items: list[ItemIn]


class ReasonOut(BaseModel):
    """Why it is shown: `code` is stable, the text may change."""

    code: str
    text: str
    because: list[str]


class VoiceOut(BaseModel):
    """What one source thinks of an item: it is number `rank` of it."""

    source: str
    rank: int
    score: float
    weight: float | None = Field(description="of a model in the blend behind `discover`")
    chance: float | None = Field(description="of a purchase, where the placement mixes by it")


class RuleNoteOut(BaseModel):
    """A rule that holds here and speaks of the item."""

    id: str
    kind: str
    reason: str


class ExplanationOut(BaseModel):
    """How an item came to its place; `own_place` is the one it has without rules and wishes."""

    text: str
    own_place: int | None
    sources: list[VoiceOut]
    rules: list[RuleNoteOut]


class RecommendationOut(BaseModel):
    """One place of the list.  Scores compare within one source of one answer only."""

    item_id: str
    name: str | None
    score: float
    rank: int
    reason: ReasonOut
    source: str
    expected_rating: float | None = Field(default=None, description="only where the shop has ratings, on their scale")
    probability: float | None = Field(
        default=None, description="with which it was drawn for its place, only where `seed` explored"
    )
    explanation: ExplanationOut | None = Field(default=None, description="only with `explain`")


class RecommendationsOut(BaseModel):
    """`fallback` is the step of the ladder the answer stands on; `request_id` is this answer's own."""

    items: list[RecommendationOut]
    placement: str
    model_version: str
    fallback: Step
    request_id: str


class RowOut(BaseModel):
    """One titled list; `because` names the items it follows from."""

    title: str
    placement: str
    because: list[str]
    items: list[RecommendationOut]
    fallback: Step


class RowsOut(BaseModel):
    """Several lists, no item twice; `fallback` is that of the row that is most of the customer's own."""

    rows: list[RowOut]
    placement: str
    model_version: str
    fallback: Step
    request_id: str


class AnsweredOut(BaseModel):
    """What one question of a batch got: its answer, or why there is none."""

    answer: RecommendationsOut | RowsOut | None = None
    error: "ErrorDetail | None" = None


class BatchOut(BaseModel):
    """Answers in the order of the questions, each under a request id of its own."""

    answers: list[AnsweredOut]
    request_id: str


class VerdictOut(BaseModel):
    """What became of one event; `index` is its place in the request, from 0.

    Withheld: the customer does not consent to personalisation, and nothing of the event is kept.
    """

    index: int
    event_id: str | None
    verdict: Literal["accepted", "duplicate", "withheld", "rejected"]
    reason: str | None = None


class VerdictsOut(BaseModel):
    """Accepted ones are durable."""

    accepted: int
    duplicate: int
    withheld: int
    rejected: int
    events: list[VerdictOut]


class ItemOut(BaseModel):
    """An item as it is stored.  Times are Unix milliseconds UTC.

    known_from: `events` where it was bought or looked at and nothing else was ever said of it: then all else is null.
    """

    item_id: str
    name: str | None
    category: str | None
    brand: str | None
    price: float | None
    stock: float | None
    available_from: int | None
    available_until: int | None
    attributes: dict[str, Any]
    known_from: Literal["catalogue", "events"]


class StoredOut(BaseModel):
    """How many items were stored, and the catalogue's revision with them."""

    stored: int
    revision: int


class ErrorDetail(BaseModel):
    """What went wrong, and what to do."""

    code: str
    message: str
    details: list[Any]


class ErrorOut(BaseModel):
    """Every error has this shape."""

    error: ErrorDetail
