"""Campaign definition: goal, audience, offer, channel, cost, dates and control share, checked with plain errors."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from recsys.data.entities import PURPOSES
from recsys.errors import BadInput
from recsys.ranking.segments.document import SegmentName
from recsys.time_units import DAY_MS, milliseconds
from recsys.versioned_toml.document import read_toml
from recsys.versioned_toml.field_problems import field_problems

CampaignId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
ItemId = Annotated[str, StringConstraints(min_length=1, max_length=256)]
MOST_AUDIENCE = 1_000_000
MOST_WINDOW_DAYS = 366


class _StrictTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CampaignAudience(_StrictTable):
    """Whom it is for: one of a condition on customers, a saved segment, and the likeliest buyers of an item."""

    where: dict[str, Any] | None = Field(default=None, description="a condition on customers; see docs/customers.md")
    segment: SegmentName | None = Field(default=None, description="the name of a saved segment")
    item: ItemId | None = Field(default=None, description="the customers most likely to buy this item")
    limit: int = Field(default=1_000, ge=1, le=MOST_AUDIENCE, description="of an item: so many customers at most")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(value is not None for value in (self.where, self.segment, self.item)) != 1:
            raise ValueError("give one of where, segment and item; {} as where is everybody")
        return self


class CampaignOffer(_StrictTable):
    """What is offered.  items: one of them must be on sale; coupon, rule, promotion: as the shop names them."""

    text: str = Field(default="", max_length=500)
    items: tuple[ItemId, ...] = Field(default=(), max_length=100)
    coupon: str | None = Field(default=None, max_length=256)
    rule: str | None = Field(default=None, max_length=256)
    promotion: str | None = Field(default=None, max_length=256)


class CampaignDefinition(_StrictTable):
    """A campaign as it is planned.  Times have an offset, or are UTC."""

    id: CampaignId
    name: str = Field(default="", max_length=200)
    goal: str = Field(default="", max_length=500, description="what it should bring about, in a sentence")
    audience: CampaignAudience
    offer: CampaignOffer = CampaignOffer()
    channel: str = Field(min_length=1, max_length=100, description="such as email; consent may be given by channel")
    purpose: Literal["marketing", "personalisation"] = Field(default="marketing", description="the consent it needs")
    consent: Literal["not_refused", "agreed"] = Field(
        default="not_refused", description="agreed: only customers who said yes to the purpose"
    )
    cost_per_contact: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)
    budget: float | None = Field(default=None, ge=0, le=1e15, allow_inf_nan=False)
    starts: datetime = Field(description="when the shop sends it")
    reading: datetime = Field(description="when the result is read: money counts from the start until then")
    control_share: float = Field(default=0.2, ge=0, le=0.9, description="of the eligible; 0 proves nothing")
    effect: float = Field(default=0.05, gt=0, le=10, description="the lift of money that it should show; 0.05 is 5 %")
    priority: int = Field(default=0, ge=-1_000, le=1_000, description="a higher one gets contacts first")
    salt: str = Field(default="", max_length=100, description="who is drawn; left empty, a random one")

    @model_validator(mode="after")
    def _check(self) -> Self:
        days = (self.reading_ms - self.starts_ms) / DAY_MS
        if not 0 < days <= MOST_WINDOW_DAYS:
            raise ValueError(f"reading: must be after starts, at most {MOST_WINDOW_DAYS} days later")
        if self.cost_per_contact and self.budget is not None and self.budget < self.cost_per_contact:
            raise ValueError("budget: does not pay for one contact; raise it, or leave it out")
        assert self.purpose in PURPOSES
        return self

    @property
    def starts_ms(self) -> int:
        return milliseconds(self.starts)

    @property
    def reading_ms(self) -> int:
        return milliseconds(self.reading)

    @property
    def window_days(self) -> float:
        """Days from the start to the reading."""
        return (self.reading_ms - self.starts_ms) / DAY_MS

    def with_salt(self) -> Self:
        """The same with a salt of its own."""
        return self if self.salt else self.model_copy(update={"salt": secrets.token_hex(8)})

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def parse_definition(written: Mapping[str, Any]) -> CampaignDefinition:
    """The definition of JSON types.  Raises BadInput, which names each wrong field."""
    try:
        return CampaignDefinition.model_validate(written)
    except ValidationError as error:
        raise BadInput(field_problems(error, CampaignDefinition)) from None


def read_definition_text(text: str) -> dict[str, Any]:
    """The fields of a TOML or JSON text, unchecked.  Raises BadInput."""
    if text.lstrip().startswith("{"):
        try:
            content: dict[str, Any] = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise BadInput(f"no JSON: {error}") from None
        return content
    table = read_toml(text)
    if not isinstance(table, dict):
        raise BadInput(str(table))
    return table
