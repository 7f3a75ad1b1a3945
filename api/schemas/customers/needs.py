"""Need schemas: what one customer will likely buy again."""

from pydantic import BaseModel, Field

from api.schemas.common import FaceOut


class NeedOut(BaseModel):
    """An item that the customer buys again and again; dates are UTC."""

    item_id: str
    name: str | None
    chance: float = Field(description="of a purchase within `days`")
    due: str = Field(description="`expected`, moved to the day of `as_of` where it is past, and into `days`")
    expected: str = Field(description="day of the next purchase by the own mean gap")
    last_bought: str
    gap_days: float = Field(description="mean days between two purchases")
    fields: FaceOut | None = Field(default=None, description="only with `fields`: those that were named")


class NeedsOut(BaseModel):
    """The likeliest first, items that rules bury last; on sale, not blocked, not sent back, not dismissed."""

    as_of: int = Field(description="until when the log is known, Unix milliseconds")
    days: int
    horizons: list[int] = Field(description="of the model, in days: chances are theirs, or lie between two of them")
    needs: list[NeedOut]
    unknown: str | None = Field(description="why there are none")
    model_version: str
