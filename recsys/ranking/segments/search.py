"""Customer search: the figures of the customers who pass a condition, ordered and in pages."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recsys.arrays import Bools, Doubles, Longs
from recsys.config import spelling_hint
from recsys.customers.people import COLUMNS, people_frame, score_columns
from recsys.customers.population import MIN_GROUP
from recsys.errors import BadInput
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.expression import CustomerWhere
from recsys.ranking.segments.population import SegmentPopulation, rows_of

if TYPE_CHECKING:
    import polars as pl

PARTIAL = 8  # of the customers a share of one in so many is found without sorting all


class CustomerPage(NamedTuple):
    """order: a column, the highest first; `user_id` rises.  reverse: the other way.  fields: all if empty."""

    order: str = "money"
    fields: tuple[str, ...] = ()
    limit: int = 50
    offset: int = 0
    reverse: bool = False

    @property
    def falls(self) -> bool:
        return (self.order != "user_id") != self.reverse


def search_customers(
    people: SegmentPopulation, where: CustomerWhere | None, saved: SavedSegments, page: CustomerPage
) -> dict[str, Any]:
    """A page of the customers as JSON types.  Raises BadInput for a name that there is not.

    Only the column of the order is read of all customers, and only the rows of the page are made.
    """
    check_columns(people, (page.order, *page.fields))
    rows = np.flatnonzero(_matching(people, where, saved))
    last = min(page.offset + page.limit, len(rows))
    shown = rows[_best(_order_key(people, page.order, rows), last, falls=page.falls)[page.offset :]]
    return {
        "customers": len(rows) if len(rows) >= MIN_GROUP else None,
        "as_of": people.as_of_ms,
        "rows": _frame_of(people, shown, page.fields or None).to_dicts(),
    }


def check_columns(people: SegmentPopulation, names: Sequence[str]) -> None:
    """Raises BadInput for a column that the release does not have."""
    known = (*COLUMNS, *score_columns(people.engine.customer_scores))
    wrong = next((name for name in names if name not in known), None)
    if wrong is not None:
        raise BadInput(f"no column {wrong!r:.70}; {spelling_hint(wrong, known)}")


def _matching(people: SegmentPopulation, where: CustomerWhere | None, saved: SavedSegments) -> Bools:
    """Which customers of the release are counted, pass and may be named.  (U,)"""
    engine = people.engine
    mask = people.is_named if where is None else members(where, people, saved.conditions())
    return mask[: len(engine.customers)] & engine.customers.is_counted


def _frame_of(people: SegmentPopulation, rows: Longs, names: Sequence[str] | None) -> "pl.DataFrame":
    """The figures of those rows of the release."""
    engine, at = people.engine, rows.astype(np.int32)
    more = {name: values[at] for name, values in score_columns(engine.customer_scores).items()}
    user_ids = [engine.users[row] for row in rows.tolist()]
    words = people.catalogue.category.words
    return people_frame(rows_of(engine.customers, at), user_ids, words, more, names)


def _order_key(people: SegmentPopulation, order: str, rows: Longs) -> Doubles:
    """What the rows are ordered by, NaN where it is unknown; words by their alphabet, ids by their place.  (R,)"""
    import polars as pl

    if order == "user_id":
        return rows.astype(np.float64)  # ids are numbered in their order
    engine = people.engine
    counted = replace(engine.customers, is_counted=np.ones(len(engine.customers), bool))
    more = score_columns(engine.customer_scores)
    column = people_frame(counted, (), people.catalogue.category.words, more, (order,))[order]
    if column.dtype == pl.String:
        column = column.cast(pl.Enum(column.unique().drop_nulls().sort())).to_physical()
    values: Doubles = column.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()[rows]
    return values


def _best(key: Doubles, n: int, *, falls: bool) -> Longs:
    """The places of the first n, equal ones as they stand, unknown ones last.  (R,) -> (n,)"""
    key = -key if falls else key
    places = np.arange(len(key))
    if 0 < n < len(key) // PARTIAL:
        limit = np.partition(key, n - 1)[n - 1]
        if not np.isnan(limit):
            places = np.flatnonzero(key <= limit)
    return places[np.argsort(key[places], kind="stable")][:n].astype(np.int64)


def customers_frame(people: SegmentPopulation, where: CustomerWhere | None, saved: SavedSegments) -> "pl.DataFrame":
    """The figures of all customers of the release who pass and may be named, in order of user_id."""
    return _frame_of(people, np.flatnonzero(_matching(people, where, saved)), None)


def ordered_people(
    people: "pl.DataFrame", order: str, fields: tuple[str, ...], *, reverse: bool = False
) -> "pl.DataFrame":
    """The rows by that column, the highest first, and only these columns.  Raises BadInput for one there is not.

    `user_id` rises; reverse: the other way round.
    """
    wrong = next((name for name in (order, *fields) if name not in people.columns), None)
    if wrong is not None:
        raise BadInput(f"no column {wrong!r:.70}; {spelling_hint(wrong, people.columns)}")
    falls = (order != "user_id") != reverse
    ordered = people.sort(order, "user_id", descending=[falls, order == "user_id" and falls], nulls_last=True)
    return ordered.select(fields or people.columns)
