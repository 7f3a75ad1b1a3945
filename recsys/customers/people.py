"""People table of a release, `people.parquet`: a row per customer, for analysts who read it with polars or pandas."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.arrays import AnyArray
from recsys.customers.groups import SHORT_GROUPS
from recsys.customers.prediction.scored import CustomerScores
from recsys.customers.scores import ABC_LETTERS, UNKNOWN
from recsys.customers.stages import NEVER, Stage
from recsys.customers.table import CustomerTable
from recsys.data.ids import IdMap

if TYPE_CHECKING:
    import polars as pl

PEOPLE_FILE = "people.parquet"

# Column -> meaning; all may be empty (null) but the first four.
COLUMNS: dict[str, str] = {
    "user_id": "id of the customer",
    "as_of": "moment of all figures (UTC)",
    "orders": "orders of which something was kept",
    "money": "paid after discounts, without what was sent back",
    "first_seen": "first event of any kind (UTC)",
    "first_order": "first order (UTC)",
    "last_order": "last order (UTC)",
    "recency_days": "whole days (UTC) since the day of the last order",
    "purchase_days": "days (UTC) with an order",
    "gap_days": "median days between two purchase days, from three gaps on",
    "discount": "money that discounts took off",
    "margin": "money without cost; empty where the cost of an item is unknown",
    "items": "different items bought",
    "categories": "different categories bought",
    "price_level": "mean price rank of these items in their categories, 0 cheapest to 1 dearest",
    "top_category": "category with the most money",
    "r": "recency score, 1 to 5",
    "f": "frequency score (purchase days), 1 to 5",
    "m": "money score, 1 to 5",
    "rfm_group": "group by these scores",
    "short_group": "high value, important to win back, new or low value",
    "abc": "A, B or C by cumulated revenue",
    "stage": "stage of the customer",
    "stage_since": "first day of the stage (UTC)",
    "stage_before": "stage on the day before",
    "stage_28_days_ago": "stage 28 days before `as_of`",
}
SCORE_COLUMNS: dict[str, str] = {  # only where the release learnt them
    "value": "money expected in the next 91 days",
    "value_low": "lower end of its interval",
    "value_high": "upper end of its interval",
    "churn_28": "chance of no order in 28 days",
    "churn_56": "the same in 56 days",
    "churn_91": "the same in 91 days",
    "propensity_7": "chance of an order in 7 days",
    "propensity_14": "the same in 14 days",
    "propensity_28": "the same in 28 days",
}


def score_columns(scores: CustomerScores) -> dict[str, AnyArray]:
    """The columns of SCORE_COLUMNS, (U,) each; none where the release learnt no scores."""
    return {name: getattr(scores, name) for name in SCORE_COLUMNS} if len(scores) else {}


def people_frame(
    table: CustomerTable, users: IdMap, categories: tuple[str, ...], more: Mapping[str, AnyArray]
) -> "pl.DataFrame":
    """The counted customers, in order of user_id, with the columns of COLUMNS and those of `more`, (U,) each.

    categories: the word of each category code.
    """
    import polars as pl

    has_bought = table.has_bought()
    frame = pl.DataFrame(
        {
            "user_id": users.texts.all(),
            "as_of": _moments(np.full(len(table), table.as_of_ms)),
            "orders": table.n_orders,
            "money": table.money,
            "first_seen": _moments(table.first_seen_ms),
            "first_order": _moments(table.first_at_ms),
            "last_order": _moments(table.last_at_ms),
            "recency_days": _known(table.recency_days(), has_bought),
            "purchase_days": table.n_days,
            "gap_days": _without_nan(table.gap_days),
            "discount": table.discount,
            "margin": _without_nan(np.where(has_bought, table.margin, np.nan)),
            "items": table.n_items,
            "categories": table.n_categories,
            "price_level": _without_nan(table.price_level),
            "top_category": _words(table.top_category, ("", *categories[1:])),
            "r": _known(table.recency_score, table.recency_score != UNKNOWN),
            "f": _known(table.frequency_score, table.frequency_score != UNKNOWN),
            "m": _known(table.money_score, table.money_score != UNKNOWN),
            "rfm_group": _words(table.group, table.grouping.names),
            "short_group": _words(table.short_group, SHORT_GROUPS),
            "abc": _words(table.abc, (*ABC_LETTERS, "")),
            "stage": _words(table.stage, stage_names()),
            "stage_since": _days(table.since_day),
            "stage_before": _words(table.previous_stage, stage_names()),
            "stage_28_days_ago": _words(table.month_stage, stage_names()),
            **{name: _without_nan(values) if values.dtype.kind == "f" else values for name, values in more.items()},
        }
    )
    return frame.filter(pl.Series(table.is_counted))


def write_people(
    directory: Path,
    table: CustomerTable,
    users: IdMap,
    categories: tuple[str, ...],
    more: Mapping[str, AnyArray] | None = None,
) -> None:
    """Writes the file into the folder of a release that is being made; none without a table."""
    if len(table):
        people_frame(table, users, categories, more or {}).write_parquet(directory / PEOPLE_FILE)


def stage_names() -> tuple[str, ...]:
    """The stages by their numbers, as the shop reads them."""
    return tuple(stage.name.lower() for stage in Stage)


def _words(codes: AnyArray, words: tuple[str, ...]) -> Any:
    """The word of each code, null for a negative one and for an empty word."""
    import polars as pl

    vocabulary = pl.Series([*(word or None for word in words), None], dtype=pl.String)
    return vocabulary.gather(pl.Series(np.where(codes < 0, len(words), codes)))


def _moments(at_ms: AnyArray) -> Any:
    """Moments; null where there is none (-1)."""
    import polars as pl

    return _known(at_ms, at_ms != NEVER).cast(pl.Datetime("ms", "UTC"))


def _days(day: AnyArray) -> Any:
    import polars as pl

    return _known(day, day != NEVER).cast(pl.Int32).cast(pl.Date)


def _known(values: AnyArray, is_known: AnyArray) -> Any:
    """Whole numbers, null where they are not known."""
    import polars as pl

    return pl.select(
        pl.when(pl.Series(is_known)).then(pl.Series(np.where(is_known, values, 0)).cast(pl.Int64))
    ).to_series()


def _without_nan(values: AnyArray) -> Any:
    import polars as pl

    return pl.Series(values).fill_nan(None)
