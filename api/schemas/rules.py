"""Rule schemas: the rules of the shop, their versions, and a preview of rules."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.common import In
from api.schemas.recommendations import RecommendationOut, RecommendationsIn
from recsys.ranking.rules.parser import RulesIn
from recsys.versioned_toml.document import MOST_BYTES


class RulesTryIn(In):
    """One query, and the rules to preview on it: as JSON in `rules` or as text in `toml`."""

    ask: RecommendationsIn = Field(default_factory=lambda: RecommendationsIn.model_validate({}))
    rules: RulesIn | None = None
    toml: Annotated[str, StringConstraints(max_length=MOST_BYTES)] | None = None
    against: Literal["nothing", "in-service"] = Field(
        default="nothing", description="compared with no rules at all, or with those in service"
    )
    customers: int | None = Field(
        default=None, ge=20, le=1_000, description="also previews the lists of so many sampled customers"
    )


class RulesOut(BaseModel):
    """The stored rules.  `digest` names the text and is its `etag`; `in_service` is the digest this worker uses.

    refusal: what is wrong with the file when it is not in service.
    """

    digest: str
    in_service: str
    refusal: str | None
    timezone: str
    rules: list[dict[str, Any]]
    toml: str


class RuleVersionOut(BaseModel):
    """A text of rules that was accepted."""

    version: int
    digest: str
    at: str


class RuleVersionsOut(BaseModel):
    """Newest first."""

    versions: list[RuleVersionOut]


class MoveOut(BaseModel):
    """Places of an item without and with the rules, null when it is not in the list, and the rules that apply to it."""

    item_id: str
    name: str | None
    before: int | None
    after: int | None
    rules: list[str]


class RuleUseOut(BaseModel):
    """Whether a rule applies here, now and to this customer, and the number of items of the catalogue it covers.

    leaves: the length of the list under this rule alone where it shortens the list, else null.
    """

    rule: str
    holds: bool
    items: int
    leaves: int | None


class PreviewShareOut(BaseModel):
    """A share of the lists and its 95 % interval."""

    share: float
    low: float
    high: float


class PreviewChangeOut(BaseModel):
    """A figure without the rules and with them, and the difference with its 95 % interval."""

    before: float
    after: float
    difference: float
    low: float
    high: float


class ShopPreviewOut(BaseModel):
    """Lists of sampled customers with the rules beside those without.

    money: expected money of the items of a list.  coverage: different items in all lists.  active: share of the
    customers for whom each rule is active.
    """

    customers: int
    changed: PreviewShareOut
    shorter: PreviewShareOut
    came_in: float
    money: PreviewChangeOut
    coverage: PreviewChangeOut
    active: dict[str, float]


class RulesTryOut(BaseModel):
    """Both lists and their differences; `shop` where `customers` was sent."""

    without: list[RecommendationOut]
    with_: list[RecommendationOut] = Field(alias="with")
    came_in: list[MoveOut]
    went_out: list[MoveOut]
    moved: list[MoveOut]
    rules: list[RuleUseOut]
    shop: ShopPreviewOut | None = None
