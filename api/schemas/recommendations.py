"""Recommendation schemas: queries, lists, rows and batches, as they are checked and as /docs describes them."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, FiniteFloat

from api.schemas.common import (
    MAX_K,
    Attributes,
    ErrorDetail,
    FaceOut,
    FallbackName,
    FieldsIn,
    Id,
    In,
    KindName,
    Names,
    RowLimit,
    Text,
    Time,
)
from recsys.data.events import KIND_BY_NAME
from recsys.ranking.filters.schema import WhereIn
from recsys.ranking.query import AttributesEffect

MAX_ROWS = 12
MAX_ASKS = 256
MAX_SESSION = 200

assert set(KindName.__args__) == set(KIND_BY_NAME), "KindName and Kind must name the same"  # type: ignore[attr-defined]


class FiltersIn(In):
    """Filters by exact name.  Prices are inclusive; an item without a price does not pass a price filter."""

    category_in: Names | None = Field(default=None, description="only these categories")
    category_out: Names = Field(default=[], description="none of these categories")
    brand_in: Names | None = Field(default=None, description="only these brands")
    brand_out: Names = Field(default=[], description="none of these brands")
    price_from: RowLimit | None = None
    price_to: RowLimit | None = None
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
    """A query for a list.  Every field is optional; unknown ids are ignored, they are no error."""

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
    attributes: Attributes = Field(
        default={}, description="attributes of a customer without a history, instead of stored ones"
    )
    max_per: Annotated[dict[Text, Annotated[int, Field(ge=1, le=MAX_K)]], Field(max_length=8)] = Field(
        default={},
        description="most items with the same value, by attribute; the list is shorter only when no item is left",
    )
    min_score: FiniteFloat | None = Field(
        default=None, description="lowest score of an item, in the scale of its source; may shorten the list"
    )
    diversity: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        default=0.0,
        description="0 leaves the list as it is, 1 looks only for items unlike the others",
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**53, description="explores a little; the same seed in the same way"
    )
    explain: bool = Field(default=False, description="adds to each item how it came to its place")
    rotate: bool = Field(
        default=False,
        description="demotes what this customer was shown lately, by answers or by posted impressions: a second "
        "request gets other items",
    )
    fields: FieldsIn = Field(default=[])
    rows: bool | Annotated[list[Text], Field(min_length=1, max_length=MAX_ROWS)] = Field(
        default=False,
        description="true: several titled lists in one answer, those of the placement; or the names of the placements",
    )


class BatchIn(In):
    """Up to 256 queries in one request, each as it would be sent alone."""

    asks: list[RecommendationsIn] = Field(min_length=1, max_length=MAX_ASKS)


class ReasonOut(BaseModel):
    """Why the item is shown: `code` is stable, the text may change."""

    code: str
    text: str
    because: list[str]


class VoiceOut(BaseModel):
    """The rank and the score of an item in one source."""

    source: str
    rank: int
    score: float
    weight: float | None = Field(description="weight of a model in the blend behind `discover`")
    chance: float | None = Field(description="probability of a purchase, when the placement mixes by it")


class RuleNoteOut(BaseModel):
    """A rule that applies here and to the item."""

    id: str
    kind: str
    reason: str


class ExplanationOut(BaseModel):
    """How an item came to its place; `own_place` is its place without rules and list options."""

    text: str
    own_place: int | None
    sources: list[VoiceOut]
    rules: list[RuleNoteOut]


class RecommendationOut(BaseModel):
    """One place of the list.  Scores are comparable within one source of one answer only."""

    item_id: str
    name: str | None
    score: float
    rank: int
    reason: ReasonOut
    source: str
    expected_rating: float | None = Field(default=None, description="only when the shop has ratings, on their scale")
    probability: float | None = Field(
        default=None, description="with which the item was drawn for its place; only with `seed`"
    )
    explanation: ExplanationOut | None = Field(default=None, description="only with `explain`")
    fields: FaceOut | None = Field(default=None, description="only with `fields`: those that were named")
    team: str | None = Field(default=None, description="A or B: the variant that picked it, of an interleaved list")


class ExperimentArmOut(BaseModel):
    """The experiment that the customer takes part in, and the arm: A, B, or A+B of an interleaved list."""

    id: str
    arm: str


class RecommendationsOut(BaseModel):
    """A list.  `fallback` is the fallback level it was made at; `request_id` belongs to this answer only."""

    items: list[RecommendationOut]
    placement: str
    model_version: str
    fallback: FallbackName
    request_id: str
    attributes: AttributesEffect | None = Field(
        default=None, description="only for a customer with attributes and without a history: what they did to the list"
    )
    experiment: ExperimentArmOut | None = Field(default=None, description="only while the customer is in one")


class RowOut(BaseModel):
    """One titled list; `because` names the items it is based on."""

    title: str
    placement: str
    because: list[str]
    items: list[RecommendationOut]
    fallback: FallbackName


class RowsOut(BaseModel):
    """Several lists without a common item; `fallback` is that of the most personal row."""

    rows: list[RowOut]
    placement: str
    model_version: str
    fallback: FallbackName
    request_id: str
    experiment: ExperimentArmOut | None = Field(default=None, description="only while the customer is in one")


class PlacementOut(BaseModel):
    """A named spot of the shop.  asks: `history`, or `context` for lists beside items.  rows: shown together there."""

    name: str
    title: str
    asks: Literal["history", "context"]
    rows: list[str]


class PlacementsOut(BaseModel):
    """All placements, as placements.toml and the settings name them."""

    placements: list[PlacementOut]


class AnsweredOut(BaseModel):
    """The result of one query of a batch: its list, or the error."""

    answer: RecommendationsOut | RowsOut | None = None
    error: "ErrorDetail | None" = None


class BatchOut(BaseModel):
    """Results in the order of the queries, each with a request id of its own."""

    answers: list[AnsweredOut]
    request_id: str
