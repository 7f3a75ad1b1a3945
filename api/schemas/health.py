"""Health schemas: liveness, readiness and version."""

from typing import Literal

from pydantic import BaseModel


class LiveOut(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class ReadyOut(BaseModel):
    """Recommendations can be given; `parts` holds the state of each part, `warnings` what is wrong nevertheless."""

    status: Literal["ready"]
    model_version: str
    parts: dict[str, str]
    warnings: list[str]


class ModelOut(BaseModel):
    """The release in service."""

    version: str
    made_at_ms: int
    age_s: int
    item_revision: int


class VersionOut(BaseModel):
    """The version of the software, and the model in service; null before the first training."""

    version: str
    model: ModelOut | None
