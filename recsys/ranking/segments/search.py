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
    """order: a column, the highest first; `user_id` rises.  fields: columns; all when empty."""

    order: str = "money"
    fields: tuple[str, ...] = ()
    limit: int = 50
    offset: int = 0


def search_customers(
    people: SegmentPopulation, where: CustomerWhere | None, saved: SavedSegments, page: CustomerPage
) -> dict[str, Any]:
    """A page of the customers as JSON types.  Raises BadInput for a name that there is not."""
    matching = ordered_people(customers_frame(people, where, saved), page.order, page.fields)
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


def ordered_people(people: "pl.DataFrame", order: str, fields: tuple[str, ...]) -> "pl.DataFrame":
    """The rows by that column, the highest first, and only these columns.  Raises BadInput for one there is not."""
    wrong = next((name for name in (order, *fields) if name not in people.columns), None)
    if wrong is not None:
        raise BadInput(f"no column {wrong!r:.70}; {spelling_hint(wrong, people.columns)}")
    ordered = people.sort(order, "user_id", descending=[order != "user_id", False], nulls_last=True)
    return ordered.select(fields or people.columns)
