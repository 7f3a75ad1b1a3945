"""Definition of an experiment: two variants of the engine, who takes part, for how long, and by what it is judged."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from recsys.errors import BadInput
from recsys.versioned_toml.document import text_digest
from recsys.versioned_toml.field_problems import field_problems

ArmName = Literal["A", "B"]
Measure = Literal["money", "margin", "orders", "clicks"]
MAX_RULES = 1 << 20  # characters


class Variant(BaseModel):
    """What one arm gets; what is left out is that of the shop at the time of each answer.

    release: version of a release, held for as long as the experiment runs.  rules: TOML, in place of the shop's rules.
    placements: fields that differ, by placement.  blend: weight of each model in lists of new items.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    release: str | None = Field(default=None, max_length=64)
    rules: str | None = Field(default=None, max_length=MAX_RULES)
    placements: Mapping[str, Mapping[str, Any]] = {}
    blend: Mapping[str, Annotated[float, Field(ge=0, le=1_000)]] = {}

    @property
    def is_changed(self) -> bool:
        """Whether it is anything but the shop as it stands."""
        return self != Variant()

    @property
    def words(self) -> str:
        """release 2026…, rules 3f9a…, placement home"""
        parts = [f"release {self.release}"] if self.release is not None else []
        if self.rules is not None:
            parts.append(f"rules {text_digest(self.rules)}")
        parts += [f"placement {name}" for name in sorted(self.placements)]
        if self.blend:
            parts.append("blend " + " ".join(f"{name}={weight:g}" for name, weight in sorted(self.blend.items())))
        return ", ".join(parts) or "the shop as it stands"


class ExperimentPlan(BaseModel):
    """An experiment before it starts.

    share: percent of the customers that take part, half of them in each arm.  lift: the relative difference that it
    should be able to see.  looks: how often it is judged in its days, evenly spaced.  interleaved: the placement on
    which the lists of both variants are mixed for everybody who takes part; None splits the customers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,47}$")
    goal: str = Field(default="", max_length=500)
    a: Variant = Variant()
    b: Variant = Variant()
    share: float = Field(default=100.0, ge=0.1, le=100)
    measure: Measure = "money"
    lift: float = Field(default=0.05, gt=0, le=1)
    days: int = Field(default=28, ge=1, le=365)
    looks: int = Field(default=4, ge=1, le=12)
    alpha: float = Field(default=0.05, gt=0, le=0.2)
    interleaved: str | None = Field(default=None, max_length=64)

    @model_validator(mode="after")
    def _differs(self) -> "ExperimentPlan":
        if self.interleaved is not None and self.a == self.b:
            raise ValueError("a and b are equal: two equal rankers have nothing to interleave")
        if (self.a.release is None) != (self.b.release is None):
            raise ValueError("name a release for both arms, or for none: the live one changes with each training")
        return self

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases that it holds."""
        return tuple(dict.fromkeys(arm.release for arm in (self.a, self.b) if arm.release is not None))

    def variant(self, arm: ArmName) -> Variant:
        return self.a if arm == "A" else self.b


def parse_plan(fields: Mapping[str, Any]) -> ExperimentPlan:
    """Raises BadInput that names the field, its value and what is allowed."""
    try:
        return ExperimentPlan.model_validate(fields)
    except ValidationError as error:
        raise BadInput(f"experiment: {field_problems(error, ExperimentPlan)}") from None


def read_plan(file: Path) -> dict[str, Any]:
    """The fields of a TOML file; `rules` of an arm that names a file is replaced by its text.  Raises BadInput."""
    try:
        fields = plan_fields(file.read_text(), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: cannot be read as TOML: {error}") from None
    for arm in (fields.get("a"), fields.get("b")):
        if isinstance(arm, dict) and isinstance(name := arm.get("rules"), str) and name.endswith(".toml"):
            try:
                arm["rules"] = (file.parent / name).read_text()
            except (OSError, UnicodeDecodeError) as error:
                raise BadInput(f"{file}: rules = {name!r}: {error}") from None
    return fields


def plan_fields(text: str, source: str) -> dict[str, Any]:
    """The fields of a TOML text.  Raises BadInput that names the source."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{source}: cannot be read as TOML: {error}") from None
