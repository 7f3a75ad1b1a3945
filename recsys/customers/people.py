"""People table of a release, `people.parquet`: a row per customer, for analysts who read it with polars or pandas."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
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
DECIMALS = 6

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
    table: CustomerTable,
    user_ids: Sequence[str],
    categories: tuple[str, ...],
    more: Mapping[str, AnyArray],
    names: Collection[str] | None = None,
) -> "pl.DataFrame":
    """The counted customers, in the order of the table, with the columns of COLUMNS and those of `more`, (U,) each.

    user_ids: of each.  categories: the word of each category code.  names: only these columns.
    """
    import polars as pl

    def known(values: AnyArray) -> Any:
        return _amounts(values) if values.dtype.kind == "f" else pl.Series(values)

    build = _builders(table, user_ids, categories) | {name: partial(known, values) for name, values in more.items()}
    frame = pl.DataFrame({name: build[name]() for name in (build if names is None else names)})
    return frame.filter(pl.Series(table.is_counted))


def _builders(
    table: CustomerTable, user_ids: Sequence[str], categories: tuple[str, ...]
) -> dict[str, Callable[[], Any]]:
    """How each column of COLUMNS is made."""
    has_bought, stages = table.has_bought(), stage_names()
    scores = {"r": table.recency_score, "f": table.frequency_score, "m": table.money_score}
    return {
        "user_id": lambda: user_ids,
        "as_of": lambda: _moments(np.full(len(table), table.as_of_ms)),
        "orders": lambda: table.n_orders,
        "money": lambda: _amounts(table.money),
        "first_seen": lambda: _moments(table.first_seen_ms),
        "first_order": lambda: _moments(table.first_at_ms),
        "last_order": lambda: _moments(table.last_at_ms),
        "recency_days": lambda: _known(table.recency_days(), has_bought),
        "purchase_days": lambda: table.n_days,
        "gap_days": lambda: _amounts(table.gap_days),
        "discount": lambda: _amounts(table.discount),
        "margin": lambda: _amounts(np.where(has_bought, table.margin, np.nan)),
        "items": lambda: table.n_items,
        "categories": lambda: table.n_categories,
        "price_level": lambda: _amounts(table.price_level),
        "top_category": lambda: _words(table.top_category, ("", *categories[1:])),
        **{name: partial(_known_scores, codes) for name, codes in scores.items()},
        "rfm_group": lambda: _words(table.group, table.grouping.names),
        "short_group": lambda: _words(table.short_group, SHORT_GROUPS),
        "abc": lambda: _words(table.abc, (*ABC_LETTERS, "")),
        "stage": lambda: _words(table.stage, stages),
        "stage_since": lambda: _days(table.since_day),
        "stage_before": lambda: _words(table.previous_stage, stages),
        "stage_28_days_ago": lambda: _words(table.month_stage, stages),
    }


def write_people(
    directory: Path,
    table: CustomerTable,
    users: IdMap,
    categories: tuple[str, ...],
    more: Mapping[str, AnyArray] | None = None,
) -> None:
    """Writes the file into the folder of a release that is being made; none without a table."""
    if len(table):
        people_frame(table, users.texts.all(), categories, more or {}).write_parquet(directory / PEOPLE_FILE)


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


def _known_scores(codes: AnyArray) -> Any:
    return _known(codes, codes != UNKNOWN)


def _days(day: AnyArray) -> Any:
    import polars as pl

    return _known(day, day != NEVER).cast(pl.Int32).cast(pl.Date)


def _known(values: AnyArray, is_known: AnyArray) -> Any:
    """Whole numbers, null where they are not known."""
    import polars as pl

    return pl.select(
        pl.when(pl.Series(is_known)).then(pl.Series(np.where(is_known, values, 0)).cast(pl.Int64))
    ).to_series()


def _amounts(values: AnyArray) -> Any:
    """Numbers without the last digits of sums, such as 0.30000000000000004; null where they are not known."""
    import polars as pl

    return pl.Series(values, dtype=pl.Float64).round(DECIMALS).fill_nan(None)
