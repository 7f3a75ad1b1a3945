"""How the service is, as it goes out."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class LiveOut(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class ReadyOut(BaseModel):
    """Recommendations can be given; `parts` tells how each part is, `warnings` what is wrong beside that."""

    status: Literal["ready"]
    model_version: str
    parts: dict[str, str]
    warnings: list[str]

    model_config = ConfigDict(protected_namespaces=())


class ModelOut(BaseModel):
    """The release in service."""

    version: str
    made_at_ms: int
    age_s: int
    item_revision: int


class VersionOut(BaseModel):
    """The build, and the model in service; null before the first training."""

    version: str
    model: ModelOut | None
