"""Customer search: the figures of the customers who pass a condition, ordered and in pages."""

from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.config import spelling_hint
from recsys.customers.people import people_frame, score_columns
from recsys.customers.population import MIN_GROUP
from recsys.errors import BadInput
from recsys.ranking.segments.document import SavedSegments
from recsys.ranking.segments.evaluation import members
from recsys.ranking.segments.expression import CustomerWhere
from recsys.ranking.segments.population import SegmentPopulation

if TYPE_CHECKING:
    import polars as pl


class CustomerPage(NamedTuple):
    """order: a column, the highest first; `user_id` rises.  reverse: the other way.  fields: all if empty."""

    order: str = "money"
    fields: tuple[str, ...] = ()
    limit: int = 50
    offset: int = 0
    reverse: bool = False


def search_customers(
    people: SegmentPopulation, where: CustomerWhere | None, saved: SavedSegments, page: CustomerPage
) -> dict[str, Any]:
    """A page of the customers as JSON types.  Raises BadInput for a name that there is not."""
    matching = ordered_people(customers_frame(people, where, saved), page.order, page.fields, reverse=page.reverse)
    n = len(matching)
    return {
        "customers": n if n >= MIN_GROUP else None,
        "as_of": people.as_of_ms,
        "rows": matching.slice(page.offset, page.limit).to_dicts(),
    }


def customers_frame(people: SegmentPopulation, where: CustomerWhere | None, saved: SavedSegments) -> "pl.DataFrame":
    """The figures of all customers of the release who pass and may be named, in order of user_id."""
    import polars as pl

    engine = people.engine
    mask = people.is_named if where is None else members(where, people, saved.conditions())
    more = score_columns(engine.customer_scores)
    frame = people_frame(engine.customers, engine.users, people.catalogue.category.words, more)
    rows = pl.Series(mask[: len(engine.customers)]).filter(pl.Series(engine.customers.is_counted))
    return frame.filter(rows)


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
