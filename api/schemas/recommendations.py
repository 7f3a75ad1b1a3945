"""What goes in and comes out over HTTP: the same models check a request and describe it at /docs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from api.schemas.common import (
    MAX_K,
    AttributeIn,
    ErrorDetail,
    FallbackName,
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

MAX_ROWS = 12
MAX_ASKS = 256
MAX_SESSION = 200

assert set(KindName.__args__) == set(KIND_BY_NAME), "KindName and Kind must name the same"  # type: ignore[attr-defined]


class FiltersIn(In):
    """By exact name; prices are inclusive, and an item without a price fails them."""

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
    fallback: FallbackName
    request_id: str


class RowOut(BaseModel):
    """One titled list; `because` names the items it follows from."""

    title: str
    placement: str
    because: list[str]
    items: list[RecommendationOut]
    fallback: FallbackName


class RowsOut(BaseModel):
    """Several lists, no item twice; `fallback` is that of the row that is most of the customer's own."""

    rows: list[RowOut]
    placement: str
    model_version: str
    fallback: FallbackName
    request_id: str


class AnsweredOut(BaseModel):
    """What one question of a batch got: its answer, or why there is none."""

    answer: RecommendationsOut | RowsOut | None = None
    error: "ErrorDetail | None" = None


class BatchOut(BaseModel):
    """Answers in the order of the questions, each under a request id of its own."""

    answers: list[AnsweredOut]
    request_id: str
