"""Change schemas: customers who crossed a stage, lost a class of value, or whose reminder became due."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ChangeOut(BaseModel):
    """One change of a customer; of a reminder, `to` is the item and `from` is null."""

    model_config = ConfigDict(populate_by_name=True)
    user_id: str
    change: Literal["stage", "value", "reminder"]
    before: str | None = Field(alias="from", description="stage or class at `since`")
    to: str
    on: str = Field(description="day since when it is so, or on which the item became due (UTC)")


class ChangesOut(BaseModel):
    """A page of changes, by kind and customer; times are Unix milliseconds."""

    since: int
    as_of: int = Field(description="moment of the release; nothing after it counts")
    total: int
    offset: int
    changes: list[ChangeOut]
    model_version: str
