"""What was shown, and what came of it: the table from which policies are judged."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from recsys.data.answer_log.log import LoggedItem
from recsys.data.events import Kind
from recsys.time_units import HOUR_MS

if TYPE_CHECKING:
    import polars as pl

TELLING = {"clicked": Kind.CLICK, "carted": Kind.CART, "bought": Kind.PURCHASE}


def attribute_outcomes(
    shown: Iterable[LoggedItem], events: "Iterable[pl.DataFrame]", *, hours: float
) -> "pl.DataFrame":
    """One row per place of an answer, in the order given, with how often it was clicked, carted and bought after it.

    An event belongs to the answer whose request id it carries, when that showed the item; else to the last answer that
    showed the item to that customer within `hours` before it.  It counts once, for the last of several places.
    `revenue` is what purchases brought, price times quantity; `matched_by` says how the first event was found.
    """
    import polars as pl

    rows = pl.DataFrame(list(shown), schema=_schema(), orient="row").with_row_index("place")
    found = [_matched(rows, frame, hours) for frame in events]
    matched = pl.concat([_matched(rows, _no_events(), hours), *found])
    counts = [(pl.col("kind") == int(kind)).sum().alias(name) for name, kind in TELLING.items()]
    money = pl.when(pl.col("kind") == int(Kind.PURCHASE)).then(pl.col("price") * pl.col("quantity")).sum()
    told = matched.group_by("place").agg(*counts, money.alias("revenue"), pl.col("matched_by").first())
    numbers = [pl.col(name).fill_null(0) for name in (*TELLING, "revenue")]
    return rows.join(told, on="place", how="left", maintain_order="left").with_columns(numbers).drop("place")


def by_placement(table: "pl.DataFrame") -> "pl.DataFrame":
    """The same summed up: answers, places, clicks, purchases and revenue of each placement and source."""
    import polars as pl

    return (
        table.group_by("placement", "source")
        .agg(
            pl.col("request_id").n_unique().alias("answers"),
            pl.len().alias("shown"),
            *(pl.col(name).sum() for name in (*TELLING, "revenue")),
        )
        .sort("placement", "source")
    )


def _matched(rows: "pl.DataFrame", events: "pl.DataFrame", hours: float) -> "pl.DataFrame":
    """The telling ones among the events, each with the place it belongs to; others are left out."""
    import polars as pl

    columns = ("request_id", "user_id", "item_id", "kind", "at_ms", "quantity", "price")
    telling = events.select(columns).filter(pl.col("kind").is_in([int(kind) for kind in TELLING.values()]))
    telling = telling.filter(pl.col("item_id").is_in(rows["item_id"].unique().to_list())).sort("at_ms")
    places = rows.select("place", "request_id", "user_id", "item_id", "at_ms").sort("at_ms", "place")
    # All are in order of time, so they are within each group too, which polars cannot see by itself.
    by_request = telling.join_asof(
        places, on="at_ms", by=["request_id", "item_id"], strategy="nearest", suffix="_", check_sortedness=False
    )
    is_found = pl.col("place").is_not_null()
    others = by_request.filter(~is_found).select(columns)
    places = places.filter(pl.col("user_id").is_not_null())
    tolerance = round(hours * HOUR_MS)
    by_user = others.join_asof(
        places,
        on="at_ms",
        by=["user_id", "item_id"],
        strategy="backward",
        tolerance=tolerance,
        suffix="_",
        check_sortedness=False,
    )
    kept = ("place", "kind", "quantity", "price")
    return pl.concat(
        [
            by_request.filter(is_found).select(*kept, pl.lit("request_id").alias("matched_by")),
            by_user.filter(is_found).select(*kept, pl.lit("user_id").alias("matched_by")),
        ]
    )


def _schema() -> "dict[str, type[pl.DataType]]":
    import polars as pl

    names = {int: pl.Int64, float: pl.Float64}
    return {name: names.get(kind, pl.String) for name, kind in LoggedItem.__annotations__.items()}


def _no_events() -> "pl.DataFrame":
    import polars as pl

    from recsys.data.events import EVENT_SCHEMA

    return pl.DataFrame(schema=EVENT_SCHEMA)
