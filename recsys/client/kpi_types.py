"""Types of key figures: figures by period with their intervals, cohorts, and expected units of items."""

from typing import Any

from recsys.client.types import ResponseModel


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
