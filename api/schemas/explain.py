"""Explain schemas: why an item is not in a list, or how it came to its place."""

from typing import Any

from pydantic import BaseModel, Field

from api.schemas.common import Id, In
from api.schemas.recommendations import RecommendationsIn, RuleNoteOut, VoiceOut


class ExplainIn(In):
    """An item, and the query in whose list it is searched."""

    item_id: Id
    ask: RecommendationsIn = Field(default_factory=lambda: RecommendationsIn.model_validate({}))


class WhyOut(BaseModel):
    """The explanation.  `code` is stable, the text may change; `facts` holds the values in the text by name.

    place: in the list, null when the item is not in it.  rank: among all `eligible` items, without rules and list
    options.
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
