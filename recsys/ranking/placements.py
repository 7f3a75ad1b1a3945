"""Placements: named spots of the shop, with the sources that fill them, their mix and what is eligible there."""

import tomllib
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsys.config import read_table, spelling_hint
from recsys.errors import BadSettings, UnknownPlacement

Each = Literal["none", "bought", "viewed"]


class Placement(BaseModel):
    """One placement.  sources: names of candidates.sources; see placements.toml for what each field does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[str, ...] = Field(min_length=1)
    mix: Literal["in-order", "probability"] = "in-order"
    shows: Literal["all", "never-bought"] = "all"
    asks: Literal["history", "context"] = "history"
    arrivals: int = Field(default=0, ge=0, le=10)
    fills: bool = True
    category: Literal["any", "same", "other"] = "any"
    price_ratio: tuple[float, float] | None = None
    tells_rhythm: bool = False
    title: str = Field(default="", max_length=200)
    rows: tuple[str, ...] = ()
    each: Each = "none"

    @property
    def narrows(self) -> bool:
        """Whether the items on the page decide what is eligible."""
        return self.category != "any" or self.price_ratio is not None

    @cached_property
    def needs_extras(self) -> bool:
        """Whether the query context needs more than most: read with every query, so worked out once."""
        return self.narrows or bool(EXTRA_SOURCES & set(self.sources))

    @cached_property
    def is_personal(self) -> bool:
        """Whether none of its sources gives everybody the same."""
        return IMPERSONAL.isdisjoint(self.sources)


Placements = Mapping[str, Placement]
IMPERSONAL: Final = frozenset({"trending", "trending_in_category", "latest", "popular", "popularity", "seasonal"})
EXTRA_SOURCES = frozenset({"recently_viewed", "new_arrivals", "latest"})  # they need more than the history
MOST_MIXED = 2  # a shop too young for calibration shares a list between two sources, by its repeat share


def load_placements(
    file: Path | None, known_sources: frozenset[str], changes: Mapping[str, Mapping[str, object]] = MappingProxyType({})
) -> dict[str, Placement]:
    """The default placements, overridden field by field by those of `recsys.toml`, and these by `changes`.

    Raises BadSettings.
    """
    merged = dict(_defaults())
    for name, fields in read_table(file, "placements").items():
        if not isinstance(fields, dict):
            raise BadSettings(f"{file}: [placements] {name} must be a table: [placements.{name}]")
        merged[name] = {**merged.get(name, {}), **fields}
    merged |= {name: {**merged.get(name, {}), **fields} for name, fields in changes.items()}
    placements = {name: _placement(name, fields, known_sources) for name, fields in merged.items()}
    for name, placement in placements.items():
        for row in placement.rows:
            if row not in placements:
                raise BadSettings(f"[placements.{name}] rows: no placement {row!r}; {spelling_hint(row, placements)}")
    return placements


@cache
def _defaults() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(files(__package__).joinpath("placements.toml").read_text())


def find_placement(placements: Placements, name: str) -> Placement:
    """The placement of that name.  Raises UnknownPlacement that names the nearest."""
    placement = placements.get(name)
    if placement is None:
        raise UnknownPlacement(f"no placement {name!r}; {spelling_hint(name, placements)}")
    return placement


def _placement(name: str, fields: Mapping[str, object], known_sources: frozenset[str]) -> Placement:
    try:
        placement = Placement.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BadSettings(f"[placements.{name}] {key} = {first['input']!r}: {first['msg']}") from None
    if placement.mix == "probability" and len(placement.sources) > MOST_MIXED:
        raise BadSettings(
            f"[placements.{name}] mix = 'probability' merges {MOST_MIXED} sources, not {len(placement.sources)}; "
            'name fewer, or write mix = "in-order"'
        )
    for source in placement.sources:
        if source not in known_sources:
            hint = spelling_hint(source, known_sources)
            raise BadSettings(f"[placements.{name}] sources: no source {source!r}; {hint}")
    return placement
