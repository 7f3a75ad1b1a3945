"""Calls about key figures and products, and their types: periods, expected units, pairs, movers, search by name."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from recsys.client.call import Call, Value
from recsys.client.calls import LONG_TIMEOUT_S
from recsys.client.types import ResponseModel

M = TypeVar("M", bound=BaseModel)


class Kpis(ResponseModel):
    """Key figures as of `as_of` (Unix ms); `periods` hold them by name, each with its interval or why it is unknown."""

    as_of: int
    segment: dict[str, Any] | None
    not_counted: str
    by: str
    definitions: tuple[dict[str, Any], ...]
    periods: tuple[dict[str, Any], ...]
    funnel: tuple[dict[str, Any], ...]
    watch: tuple[dict[str, Any], ...]


class Cohorts(ResponseModel):
    """Customers by the month of their first order, and the share of them who ordered in each later month."""

    as_of: int
    segment: dict[str, Any] | None
    not_counted: str
    definition: str
    cohorts: tuple[dict[str, Any], ...]


class ExpectedUnits(ResponseModel):
    """Units of items in the next `weeks`, and how wrong such figures were."""

    as_of: int
    weeks: int
    method: str
    error: float | None
    errors_by_weeks: dict[str, float | None]
    interval: float
    coverage: float | None
    n_items: int
    items: tuple[dict[str, Any], ...]


class Pairs(ResponseModel):
    """What is bought together: the pairs in `least` baskets or more, the highest of `n_pairs`."""

    by: str
    least: int
    baskets: int
    n_pairs: int
    since: int | None = Field(alias="from")
    as_of: int | None
    pairs: tuple[dict[str, Any], ...]


class Movers(ResponseModel):
    """The surest of `n_items` items that rose or fell between two windows, beside the whole shop."""

    as_of: int
    windows: dict[str, dict[str, int]]
    interval: float
    shop: dict[str, Any]
    n_items: int
    n_clear: int
    items: tuple[dict[str, Any], ...]


class MatchingItems(ResponseModel):
    """The best of `total` items that a search by name has."""

    total: int
    items: tuple[dict[str, Any], ...]


def kpis(
    since: int | None = None, to: int | None = None, *, by: str = "week", segment: str | None = None
) -> Call[Kpis]:
    """Key figures of customers by day, week or month; without times (Unix ms) the last 12 periods.  Takes seconds."""
    return _report("/v1/kpis", Kpis, {"from": since, "to": to, "by": by, "segment": segment})


def cohorts(since: int | None = None, to: int | None = None, *, segment: str | None = None) -> Call[Cohorts]:
    """Customers by the month of their first order, and who ordered in each later month.  Takes seconds."""
    return _report("/v1/cohorts", Cohorts, {"from": since, "to": to, "segment": segment})


def expected_units(*, limit: int = 100) -> Call[ExpectedUnits]:
    """Units of each item in the next four weeks, those with the most first.  Takes seconds."""
    return _report("/v1/expected-units", ExpectedUnits, {"limit": limit})


def pairs(*, by: str = "item", least: int = 150, order: str = "lift", limit: int = 100) -> Call[Pairs]:
    """What is bought together, by item, type, category, brand or an attribute.  Takes seconds."""
    return _report("/v1/pairs", Pairs, {"by": by, "least": least, "order": order, "limit": limit})


def movers(*, days: int = 28, back: int | None = None, to: int | None = None, limit: int = 100) -> Call[Movers]:
    """Items whose units rose or fell between windows of `days`, `back` days apart, up to `to`.  Takes seconds."""
    return _report("/v1/movers", Movers, {"days": days, "back": back, "to": to, "limit": limit})


def search_items(query: str, *, limit: int = 20, unlisted: bool = False) -> Call[MatchingItems]:
    """The items whose id, name or category holds every word.  unlisted: also those that are never shown."""
    fields: dict[str, Value] = {"query": query, "limit": limit, "unlisted": unlisted}
    return Call("GET", "/v1/items:search", MatchingItems.model_validate_json, query=fields)


def _report(template: str, model: type[M], query: Mapping[str, Value | None]) -> Call[M]:
    known = {name: value for name, value in query.items() if value is not None}
    return Call("GET", template, model.model_validate_json, query=known, timeout_s=LONG_TIMEOUT_S)
