"""Minimum data requirements of each feature, compared with the data."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import polars as pl

from recsys.data.checks.finding import Finding, grade
from recsys.data.checks.per_line import by_customers
from recsys.data.dataset.occasions import occasion_expression
from recsys.data.entities import Item
from recsys.data.events import OWNED_KINDS
from recsys.time_units import DAY_MS

JUDGED_DAYS = 28


class Requirement(NamedTuple):
    """`feature` needs `minimum` of the count with that name; with fewer, `consequence` holds."""

    feature: str
    count_name: str
    minimum: int
    unit: str
    consequence: str


REQUIREMENTS = (
    Requirement(
        "popular", "events", 1, "events", "nothing can be learnt; import events with `recsys import events FILE`"
    ),
    Requirement("trending", "days", 35, "days of events", "until then, what is popular counts as trending"),
    Requirement(
        "personal",
        "customers_of_two",
        30,
        "customers with two items or more",
        "until then, lists are best-sellers; views and carts count, too",
    ),
    Requirement(
        "buy_again",
        "customers_again",
        30,
        "customers who bought one item on two days",
        "what is bought again, and when, cannot be learnt; give orders their own times and do not add them up",
    ),
    Requirement(
        "bought_together",
        "baskets_of_two",
        100,
        "baskets of two items or more",
        "what goes together cannot be learnt; map order_id, or the time of the whole order to each of its lines",
    ),
    Requirement(
        "judging",
        "judges",
        30,
        f"customers who came back within the last {JUDGED_DAYS} days",
        "until then, lists are judged by the last events of each customer",
    ),
    Requirement(
        "categories",
        "with_category",
        1,
        "items with a category",
        "there are no rules or reminders by category; map category when you import items",
    ),
    Requirement(
        "new_items",
        "described",
        1,
        "items with a name, category, brand or attributes",
        "new items cannot be told apart; import items with their names and attributes",
    ),
    Requirement(
        "prices",
        "with_sale",
        1,
        "events with money",
        "lists cannot be judged by revenue; map price or amount, and import again with --correct",
    ),
)


def requirement_findings(lines: pl.DataFrame, items: Collection[Item] | None) -> list[Finding]:
    """A finding for each feature: `count` of the `total` it needs, from lines as `with_categorical_ids` returns them.

    items: None if no catalogue was given.
    """
    counts = {**event_counts(lines), **item_counts(items or ())}
    return [_finding(need, counts) for need in REQUIREMENTS]


def event_counts(lines: pl.DataFrame) -> Mapping[str, int]:
    """Counts of customers, days and baskets, by the names in REQUIREMENTS; empty without lines."""
    if lines.is_empty():
        return {}
    at = pl.col("at_ms")
    parts = by_customers(lines)
    cut = lines.select(at.max() - JUDGED_DAYS * DAY_MS).item()
    users = lines.group_by("user_id").agg(
        at.min().alias("first"), at.max().alias("last"), _has_two_values("item_id").alias("of_two")
    )
    return {
        "events": lines.height,
        "days": int(lines.select((at.max() - at.min()) // DAY_MS + 1).item()),
        "customers_of_two": int(users["of_two"].sum()),
        "customers_again": sum(map(_repeat_customers, parts)),
        "baskets_of_two": sum(map(_baskets_of_two, parts)),
        "judges": users.filter((pl.col("first") <= cut) & (pl.col("last") > cut)).height,
        "with_sale": int((lines["sale"] > 0).sum()),
    }


def item_counts(items: Collection[Item]) -> Mapping[str, int]:
    """Counts of items in the catalogue, by the names in REQUIREMENTS."""
    present = [item for item in items if not item.deleted]
    return {
        "with_category": sum(item.category is not None for item in present),
        "described": sum(bool(item.name or item.category or item.brand or item.attributes) for item in present),
    }


def _repeat_customers(lines: pl.DataFrame) -> int:
    """Customers who bought or rated an item on two days; the lines of one order are of its first day."""
    chosen = lines.filter(pl.col("kind").is_in([int(kind) for kind in OWNED_KINDS]))
    occasions = chosen.group_by("user_id", "item_id", occasion_expression().alias("occasion")).agg(
        pl.col("at_ms").min()
    )
    day = pl.col("at_ms") // DAY_MS
    days = occasions.group_by("user_id", "item_id").agg((day.min() != day.max()).alias("again"))
    return int(days.filter("again")["user_id"].n_unique())


def _has_two_values(name: str) -> pl.Expr:
    """Whether there are at least two values: faster than to count them."""
    codes = pl.col(name).to_physical()
    return codes.min() != codes.max()


def _baskets_of_two(lines: pl.DataFrame) -> int:
    """Orders with two items or more; without order ids, the times of a customer."""
    chosen = lines.filter(pl.col("kind").is_in([int(kind) for kind in OWNED_KINDS]))
    moment = pl.when(pl.col("order_id").is_null()).then("at_ms").alias("moment")
    baskets = chosen.group_by("user_id", "order_id", moment).agg(_has_two_values("item_id").alias("of_two"))
    return int(baskets["of_two"].sum())


def _finding(need: Requirement, counts: Mapping[str, int]) -> Finding:
    have = counts.get(need.count_name, 0)
    is_enough = have >= need.minimum
    severity = grade(not is_enough, stops=need.count_name == "events")
    message = f"{need.unit} for {need.feature}, which needs {need.minimum:,}"
    return Finding(
        f"need_{need.feature}", severity, message, have, need.minimum, (), "" if is_enough else need.consequence
    )
