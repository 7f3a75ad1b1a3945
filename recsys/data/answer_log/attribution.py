"""Attribution of clicks and purchases to logged answers: the table from which policies are evaluated."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from recsys.data.answer_log.answer_log import LoggedItem
from recsys.data.dataset.occasions import occasion_expression
from recsys.data.events import Kind, frame_schema
from recsys.time_units import HOUR_MS

if TYPE_CHECKING:
    import polars as pl

OUTCOMES = {"clicked": Kind.CLICK, "carted": Kind.CART, "bought": Kind.PURCHASE, "dismissed": Kind.DISMISS}


def attribute_outcomes(
    shown: Iterable[LoggedItem], events: "Iterable[pl.DataFrame]", *, hours: float
) -> "pl.DataFrame":
    """One row per logged item, in the order given, with its clicks, additions to the cart, purchases and revenue.

    An event belongs to the answer with its request id, if that answer showed the item; else to the last answer that
    showed the item to this customer within `hours` before the event.  It counts once, for the last of several places.
    Purchases are counted in occasions, not in lines.  `revenue`: price times quantity of the purchases; `matched_by`:
    the column that matched the first event.
    """
    import polars as pl

    from recsys.data.events import EVENT_SCHEMA

    rows = pl.DataFrame(list(shown), schema=frame_schema(LoggedItem), orient="row").with_row_index("place")
    matched = pl.concat([_matched(rows, frame, hours) for frame in (pl.DataFrame(schema=EVENT_SCHEMA), *events)])
    counts = [
        pl.col("occasion").filter(pl.col("kind") == int(kind)).n_unique().alias(name)
        if kind == Kind.PURCHASE
        else (pl.col("kind") == int(kind)).sum().alias(name)
        for name, kind in OUTCOMES.items()
    ]
    money = pl.when(pl.col("kind") == int(Kind.PURCHASE)).then(pl.col("price") * pl.col("quantity")).sum()
    outcomes = matched.group_by("place").agg(*counts, money.alias("revenue"), pl.col("matched_by").first())
    numbers = [pl.col(name).fill_null(0) for name in (*OUTCOMES, "revenue")]
    return rows.join(outcomes, on="place", how="left", maintain_order="left").with_columns(numbers).drop("place")


def summarize_by_placement(table: "pl.DataFrame") -> "pl.DataFrame":
    """The sums of each placement and source: answers, shown items, clicks, purchases and revenue."""
    import polars as pl

    return (
        table.group_by("placement", "source")
        .agg(
            pl.col("request_id").n_unique().alias("answers"),
            pl.len().alias("shown"),
            *(pl.col(name).sum() for name in (*OUTCOMES, "revenue")),
        )
        .sort("placement", "source")
    )


def _matched(rows: "pl.DataFrame", events: "pl.DataFrame", hours: float) -> "pl.DataFrame":
    """The events that are outcomes of a logged item, each with the place of that item; others are left out."""
    import polars as pl

    columns = ("request_id", "user_id", "item_id", "kind", "at_ms", "quantity", "price", "occasion")
    outcomes = (
        events.with_columns(occasion_expression().alias("occasion"))
        .select(columns)
        .filter(pl.col("kind").is_in([int(kind) for kind in OUTCOMES.values()]))
    )
    outcomes = outcomes.filter(pl.col("item_id").is_in(rows["item_id"].unique().to_list())).sort("at_ms")
    places = rows.select("place", "request_id", "user_id", "item_id", "at_ms").sort("at_ms", "place")
    # All rows are in order of time, so each group is too, which polars cannot check.
    by_request = outcomes.join_asof(
        places, on="at_ms", by=["request_id", "item_id"], strategy="nearest", suffix="_", check_sortedness=False
    )
    is_matched = pl.col("place").is_not_null()
    others = by_request.filter(~is_matched).select(columns)
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
    kept = ("place", "kind", "quantity", "price", "occasion")
    return pl.concat(
        [
            by_request.filter(is_matched).select(*kept, pl.lit("request_id").alias("matched_by")),
            by_user.filter(is_matched).select(*kept, pl.lit("user_id").alias("matched_by")),
        ]
    )
