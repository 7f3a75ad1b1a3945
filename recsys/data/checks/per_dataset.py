"""Checks of a whole dataset: duplicates, robots, concentration, repeat purchases, and a partial last week."""

from collections.abc import Sequence

import polars as pl

from recsys.data.checks.finding import Finding, grade
from recsys.data.checks.per_line import COMPARED, N_EXAMPLES, by_customers, describe_lines
from recsys.data.dataset.occasions import first_lines, occasion_expression
from recsys.data.events import OWNED_KINDS, Kind
from recsys.time_units import DAY_MS, date

WEEK_DAYS = 7
WEEKS_OF_A_YEAR = 52
REPEAT_DAYS = 28
MIN_ROBOT_EVENTS = 300  # of a customer on one day; with fewer events nobody is suspected
ROBOT_FACTOR = 10  # times the busiest day of the busiest twentieth of the customers
MAX_ROBOT_SHARE = 0.5
MIN_GIANT_EVENTS, GIANT_FACTOR = 100, 5  # times the events of the second busiest customer
TOP_ITEM_SHARE = 0.2
MIN_ITEMS = 20


def dataset_checks(lines: pl.DataFrame, now_ms: int) -> list[Finding]:
    """All findings over the accepted lines, as `with_categorical_ids` returns them; none without lines."""
    if lines.is_empty():
        return []
    parts = by_customers(lines)
    counted = [first_lines(part, orders_only=True) for part in parts]
    return [
        duplicate_lines(lines, parts),
        robot_events(counted),
        busiest_customer(counted),
        concentration(parts),
        repeats(parts),
        last_week(lines, now_ms),
    ]


def duplicate_lines(lines: pl.DataFrame, parts: Sequence[pl.DataFrame]) -> Finding:
    """Lines equal to an earlier one in customer, item, kind, time and order."""
    is_again = ~pl.struct(COMPARED).is_first_distinct()
    again = pl.concat(part.select(pl.col("row").filter(is_again)) for part in parts)["row"]
    count = len(again)
    advice = (
        "purchases of one order count once, with the sum of their quantities, other lines each; if one event was sent "
        "twice, give events an event_id: each id is stored once"
    )
    return Finding(
        "duplicates",
        grade(count > 0),
        "lines equal to an earlier one in customer, item, kind, time and order",
        count,
        lines.height,
        tuple(describe_lines(lines[again.bottom_k(N_EXAMPLES).sort()])),
        advice if count else "",
    )


def robot_events(parts: Sequence[pl.DataFrame]) -> Finding:
    """Events of customers with more on a day than a person can do, see MIN_ROBOT_EVENTS and ROBOT_FACTOR.

    parts: of some customers each, with an item of an order once.
    """
    n_events = sum(part.height for part in parts)
    day = (pl.col("at_ms") // DAY_MS).alias("day")
    busiest = pl.concat(
        part.group_by("user_id", day)
        .len("events")
        .group_by("user_id")
        .agg(pl.col("events").max(), pl.col("events").sum().alias("all"))
        for part in parts
    )
    usual = float(busiest["events"].quantile(0.95, "lower") or 0)
    robots = busiest.filter(pl.col("events") > max(MIN_ROBOT_EVENTS, ROBOT_FACTOR * usual)).sort(
        "events", descending=True
    )
    count = int(robots["all"].sum())
    rows = robots.head(N_EXAMPLES).iter_rows()
    return Finding(
        "robots",
        grade(count > 0, stops=count > MAX_ROBOT_SHARE * n_events),
        f"events of {robots.height:,} customers with more on one day than a person does",
        count,
        n_events,
        tuple(f"customer {user}: {most:,} events on one day, {all_:,} in all" for user, most, all_ in rows),
        "crawlers, tests, or one id for all guests; leave them out before importing" if count else "",
    )


def busiest_customer(parts: Sequence[pl.DataFrame]) -> Finding:
    """Events of the busiest customer; odd with far more than anybody else: see MIN_GIANT_EVENTS and GIANT_FACTOR.

    parts: as for `robot_events`.
    """
    by_customer = pl.concat(part.group_by("user_id").len("events") for part in parts)
    most = by_customer.sort("events", "user_id", descending=[True, False]).head(2)
    user, count = most.row(0)
    next_most = most["events"][1] if most.height > 1 else count
    is_odd = count > max(MIN_GIANT_EVENTS, GIANT_FACTOR * next_most)
    return Finding(
        "busiest_customer",
        grade(is_odd),
        f"events of the busiest customer, {user}, the next one has {next_most:,}",
        count,
        int(by_customer["events"].sum()),
        (),
        f"one id for all guests? then import with --guest {user}; or a reseller, a till, a test" if is_odd else "",
    )


def concentration(parts: Sequence[pl.DataFrame]) -> Finding:
    """Share of the most popular item, and of the most popular hundredth, in all events."""
    chosen = _purchases_or_all(pl.concat(first_lines(part).select("item_id", "kind") for part in parts))
    per_item = chosen.group_by("item_id").len("n").sort("n", "item_id", descending=[True, False])
    top = max(1, per_item.height // 100)
    share = int(per_item["n"].head(top).sum()) / max(1, chosen.height)
    count = int(per_item["n"][0])
    is_odd = per_item.height >= MIN_ITEMS and count > TOP_ITEM_SHARE * chosen.height
    return Finding(
        "concentration",
        grade(is_odd),
        f"events of the most popular item, {per_item['item_id'][0]}; the top {top:,} of {per_item.height:,} items "
        f"take {share:.1%}",
        count,
        chosen.height,
        tuple(f"{item}: {n:,}" for item, n in per_item.head(N_EXAMPLES).iter_rows()),
        "a bag, a deposit or postage? then name the item under [catalogue.never_show]" if is_odd else "",
    )


def repeats(parts: Sequence[pl.DataFrame]) -> Finding:
    """Share of the customer-item pairs bought in the last four weeks that had been bought on an earlier occasion."""
    pairs = pl.concat(map(_purchased_pairs, parts))
    cut = pl.col("last").max() - REPEAT_DAYS * DAY_MS
    counts = pairs.select(
        (pl.col("last") > cut).sum().alias("late"),
        ((pl.col("last") > cut) & (pl.col("first") <= cut)).sum().alias("again"),
    )
    return Finding(
        "repeat_share",
        "ok",
        f"customer-item pairs bought in the last {REPEAT_DAYS} days had been bought before",
        int(counts["again"][0]),
        int(counts["late"][0]),
    )


def _purchased_pairs(lines: pl.DataFrame) -> pl.DataFrame:
    """The first and the last occasion of each pair of customer and item that was bought."""
    bought, at = lines.filter(pl.col("kind") == Kind.PURCHASE), pl.col("at_ms")
    occasions = bought.group_by("user_id", "item_id", occasion_expression().alias("occasion")).agg(at.min())
    pairs = occasions.group_by("user_id", "item_id").agg(at.min().alias("first"), at.max().alias("last"))
    return pairs.select("first", "last")


def last_week(lines: pl.DataFrame, now_ms: int) -> Finding:
    """Lines of a partial last week; weeks have seven days and are counted from the first day."""
    day = lines["at_ms"] // DAY_MS
    first, last = int(day.min()), int(day.max())  # type: ignore[arg-type]
    number, days = (last - first) // WEEK_DAYS + 1, (last - first) % WEEK_DAYS + 1
    start_ms = (last - days + 1) * DAY_MS
    is_partial = number > 1 and days < WEEK_DAYS
    is_over = now_ms > (last + WEEK_DAYS) * DAY_MS  # a log that is still written ends in a partial week on most days
    count = int((lines["at_ms"] >= start_ms).sum())
    stub = "a stub: " if is_partial else ""
    year = f"the {number}rd week of a year" if number == WEEKS_OF_A_YEAR + 1 else f"week {number}"
    advice = f"compare whole weeks: leave out the lines from {date(start_ms / DAY_MS)} on, or cut there"
    return Finding(
        "last_week",
        grade(is_partial and is_over),
        f"lines in {year} of the log, {stub}{days} of {WEEK_DAYS} days from {date(start_ms / DAY_MS)}",
        count,
        lines.height,
        (),
        advice if is_partial and is_over else "",
    )


def _purchases_or_all(lines: pl.DataFrame) -> pl.DataFrame:
    """Purchases and ratings; all lines if there are none."""
    chosen = lines.filter(pl.col("kind").is_in([int(kind) for kind in OWNED_KINDS]))
    return chosen if chosen.height else lines
