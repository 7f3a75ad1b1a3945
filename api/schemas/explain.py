"""What goes in and comes out where somebody asks why an item is not shown."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import Id, In
from api.schemas.recommendations import RecommendationsIn, RuleNoteOut, VoiceOut


class ExplainIn(In):
    """An item, and the question in whose answer it is looked for."""

    item_id: Id
    ask: RecommendationsIn = Field(default_factory=lambda: RecommendationsIn.model_validate({}))

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"item_id": "995242", "ask": {"user_id": "900", "k": 10, "filters": {"price_to": 20}}}]
        }
    )


class WhyOut(BaseModel):
    """`code` is stable, the text may change; `facts` holds what the text says, by name.

    `place` in the list, null when it is not in it; `rank` among all `eligible` items by itself, without rules and
    wishes.
    """

    item_id: str
    name: str | None
    place: int | None
    code: str
    text: str
    facts: dict[str, Any]
    rank: int | None
    eligible: int
    sources: list[VoiceOut]
    rules: list[RuleNoteOut]
