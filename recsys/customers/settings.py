"""Settings of customers: `[customers]`, the limits of stages and a shop's own RFM groups."""

from dataclasses import fields
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from recsys.config import SettingsSection
from recsys.customers.groups import EVERY, RFM_GROUPS, RfmGroup
from recsys.customers.scores import QUINTILES
from recsys.customers.stages import StageRule

Score = Annotated[int, Field(ge=1, le=QUINTILES)]


class GroupSettings(BaseModel):
    """One of `[[customers.groups]]`: a name and the scores from and to that it holds; without them all."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1, max_length=60)
    r: tuple[Score, Score] = EVERY
    f: tuple[Score, Score] = EVERY
    m: tuple[Score, Score] = EVERY


class CustomerSettings(SettingsSection):
    """Stages and groups of customers: `[customers]`."""

    section: ClassVar[str] = "customers"

    new_days: int = Field(default=60, ge=1, description="days after the first purchase for which a customer is new")
    new_until_second: bool = Field(
        default=False, description="new until the second purchase day, however long it takes"
    )
    back_days: int = Field(
        default=28, ge=1, description="days after a return from dormant or lost for which it is back"
    )
    loyal_days: int = Field(default=91, ge=2, description="days since the first purchase or the return, for loyal")
    loyal_purchases: int = Field(default=5, ge=1, description="purchase days since then, for loyal")
    at_risk_days: int = Field(default=28, ge=1, description="days without a purchase after which one is at risk")
    dormant_days: int = Field(default=56, ge=1, description="the same for dormant")
    lost_days: int = Field(default=112, ge=1, description="the same for lost")
    at_risk_gaps: float = Field(
        default=2.0, ge=0, description="and own gaps between purchases that must have passed, too"
    )
    dormant_gaps: float = Field(default=4.0, ge=0, description="the same for dormant")
    lost_gaps: float = Field(default=8.0, ge=0, description="the same for lost")
    groups: tuple[GroupSettings, ...] = Field(
        default=(), description="RFM groups in place of the product's: name, r, f, m; the first that fits counts"
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if not self.at_risk_days < self.dormant_days < self.lost_days:
            raise ValueError("at_risk_days, dormant_days, lost_days should rise")
        if not self.at_risk_gaps <= self.dormant_gaps <= self.lost_gaps:
            raise ValueError("at_risk_gaps, dormant_gaps, lost_gaps should not fall")
        if self.back_days > self.at_risk_days:
            raise ValueError(f"back_days should be at most at_risk_days, {self.at_risk_days}")
        if self.loyal_days <= max(self.new_days, self.back_days):
            raise ValueError("loyal_days should be above new_days and back_days")
        return self

    def stage_rule(self) -> StageRule:
        """The limits of stages."""
        limits = {field.name: getattr(self, field.name) for field in fields(StageRule)}
        return StageRule(**limits | {"new_until_second": int(self.new_until_second)})

    def rfm_groups(self) -> tuple[RfmGroup, ...]:
        """The shop's own groups, or those of the product."""
        return tuple(RfmGroup(group.name, group.r, group.f, group.m) for group in self.groups) or RFM_GROUPS
