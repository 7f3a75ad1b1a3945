"""Checks of single lines, whose counts add up over the chunks of a file or a log."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from recsys.data.checks.finding import Finding, grade
from recsys.data.events import KIND_BY_NAME, Kind
from recsys.time_units import DAY_MS, MINUTE_MS

EARLIEST_MS = 631_152_000_000  # 1990: an earlier time is in another unit, or a placeholder
END_OF_1970_MS = 365 * DAY_MS
CLOCK_SKEW_MS = 5 * MINUTE_MS
ABSURD_QUANTITY = 1_000
N_EXAMPLES = 3
COMPARED = ("user_id", "item_id", "kind", "at_ms", "order_id")  # columns in which lines are compared with each other
PART_LINES = 2_000_000  # that are compared with each other at once
MAX_WRONG_SHARE = 0.5  # if more lines are wrong than right, two columns were confused

# The columns of a line; null means missing.  line: its number in the file.  sale: money of the whole line.
# fault: the reason it was refused.
LINE_SCHEMA = pl.Schema(
    {
        "line": pl.Int64,
        "user_id": pl.String,
        "item_id": pl.String,
        "kind": pl.Int8,
        "at_ms": pl.Int64,
        "quantity": pl.Float64,
        "sale": pl.Float64,
        "order_id": pl.String,
        "fault": pl.String,
    }
)


@dataclass(frozen=True, slots=True)
class LineCheck:
    """A condition on a line.  If more than `stops_above` of the lines meet it, training makes no sense."""

    name: str
    message: str
    condition: pl.Expr
    advice: str
    stops_above: float = MAX_WRONG_SHARE


REFUSED = LineCheck(
    "refused",
    "lines refused",
    pl.col("fault").is_not_null(),
    "they are not in the log; the folder rejects keeps them with the reason; mend them and import again",
)


def line_checks(now_ms: int, known_items: pl.Series | None) -> tuple[LineCheck, ...]:
    """All checks.  known_items: the ids of the catalogue, None without one."""
    at, quantity = pl.col("at_ms"), pl.col("quantity")
    is_purchase = pl.col("kind") == Kind.PURCHASE
    checks = (
        LineCheck(
            "quantity_not_positive",
            "purchases with a quantity of 0 or less",
            is_purchase & (quantity <= 0),
            "such lines are refused; import returns with the kind return, and leave out coupons and corrections",
        ),
        LineCheck(
            "quantity_absurd",
            f"lines with a quantity above {ABSURD_QUANTITY:,}",
            quantity > ABSURD_QUANTITY,
            "weights, volumes and money are not pieces; put 1, or name such items under [catalogue.never_show]",
        ),
        LineCheck(
            "sale_zero",
            "purchases for no money",
            is_purchase & (pl.col("sale") == 0),
            "gifts, coupons and voided lines; leave out those that nobody chose",
            stops_above=1.0,
        ),
        LineCheck(
            "time_in_the_future",
            "lines with a time in the future",
            at > now_ms + CLOCK_SKEW_MS,
            "check whether day and month, or time zones, were mixed up",
        ),
        LineCheck(
            "time_of_1970",
            "lines with a time of 1970",
            at.is_between(0, END_OF_1970_MS - 1),
            "an empty time that became 0, or a number in another unit than seconds or milliseconds",
        ),
        LineCheck(
            "time_before_1990",
            "lines with a time before 1990, and not of 1970",
            (at < EARLIEST_MS) & ~at.is_between(0, END_OF_1970_MS - 1),
            "a placeholder, or a number in another unit than seconds or milliseconds",
        ),
    )
    if known_items is None:
        return checks
    return (*checks, _not_in_catalogue(known_items))


def _not_in_catalogue(known_items: pl.Series) -> LineCheck:
    return LineCheck(
        "item_not_in_catalogue",
        "lines with an item that is not in the catalogue",
        pl.col("item_id").is_not_null() & ~pl.col("item_id").is_in(known_items.implode()),
        "such items have no name and no category; import them with `recsys import items`, "
        "or check whether both files have the same ids",
    )


class LineCounts:
    """Counts and first examples of each check, over chunks of lines."""

    def __init__(self, now_ms: int, known_items: Collection[str] | None = None) -> None:
        """Without `known_items`, items are not checked against the catalogue."""
        self.now_ms = now_ms
        self.n_lines = 0
        known = None if known_items is None else pl.Series(sorted(known_items), dtype=pl.String)
        self._checks = (REFUSED, *line_checks(now_ms, known))
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._faults: Counter[str] = Counter()

    def add(self, lines: pl.DataFrame) -> None:
        """Counts lines of LINE_SCHEMA; a missing column is null in all lines."""
        complete = with_all_columns(lines)
        self.n_lines += complete.height
        masks = complete.select(check.condition.fill_null(False).alias(check.name) for check in self._checks)
        for check in self._checks:
            self._count(check.name, complete, masks[check.name])
        self._faults.update(complete["fault"].drop_nulls().to_list())

    def add_broken(self, n: int, reason: str) -> None:
        """Counts n lines that could not be parsed."""
        if n:
            self.n_lines += n
            self._counts[REFUSED.name] += n
            self._faults[reason] += n

    def findings(self) -> list[Finding]:
        """A finding for the refused lines and for each check, also with count 0."""
        return list(map(self._finding, self._checks))

    def _count(self, name: str, lines: pl.DataFrame, mask: pl.Series) -> None:
        n = int(mask.sum())
        if not n:
            return
        self._counts[name] += n
        examples = self._examples.setdefault(name, [])
        if len(examples) < N_EXAMPLES:
            examples += describe_lines(lines.filter(mask).head(N_EXAMPLES - len(examples)))

    def _finding(self, check: LineCheck) -> Finding:
        count = self._counts[check.name]
        severity = grade(count > 0, stops=count > check.stops_above * self.n_lines)
        examples = self._examples.get(check.name, ())
        if check is REFUSED:
            examples = [f"{n:,}: {reason}" for reason, n in self._faults.most_common()]
        advice = check.advice if count else ""
        return Finding(check.name, severity, check.message, count, self.n_lines, tuple(examples), advice)


def with_all_columns(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with all columns of LINE_SCHEMA; missing ones are null, and ids may be categories."""
    return lines.select(
        (pl.col(name) if lines[name].dtype == pl.Categorical else pl.col(name).cast(dtype, strict=False))
        if name in lines.columns
        else pl.lit(None, dtype).alias(name)
        for name, dtype in LINE_SCHEMA.items()
    )


def with_categorical_ids(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with categorical ids: grouping by them is about three times as fast."""
    ids = ("user_id", "item_id", "order_id")
    return with_all_columns(lines).with_columns(pl.col(name).cast(pl.Categorical) for name in ids)


def by_customers(lines: pl.DataFrame) -> list[pl.DataFrame]:
    """Parts with all lines of some customers each, in order; their size, not that of the log, is what checks need.

    lines: as `with_categorical_ids` returns them.  Columns of a part: COMPARED, and `row`, the position in `lines`.
    """
    n_parts, compared = 1 + lines.height // PART_LINES, lines.select(COMPARED).with_row_index("row")
    if n_parts == 1:
        return [compared]
    part = (lines["user_id"].to_physical() % n_parts).to_numpy().astype(np.uint16)
    ends = np.cumsum(np.bincount(part, minlength=n_parts)).tolist()
    grouped = compared[np.argsort(part, kind="stable")]
    return [grouped[start:end] for start, end in pairwise([0, *ends])]


def describe_lines(lines: pl.DataFrame) -> list[str]:
    """Each line as text that a person can search for in the file."""
    name_by_kind = {int(kind): name for name, kind in KIND_BY_NAME.items()}
    times = lines["at_ms"].cast(pl.Datetime("ms"), strict=False).dt.to_string("%Y-%m-%d %H:%M")
    rows = lines.with_columns(times.alias("at")).to_dicts()
    return [_describe(row, name_by_kind.get(row["kind"], "event")) for row in rows]


def _describe(row: dict[str, object], kind: str) -> str:
    line = "" if row["line"] is None else f"line {row['line']}: "
    amounts = "".join(f", {name} {row[name]:g}" for name in ("quantity", "sale") if row[name] is not None)
    return f"{line}{kind} of {row['item_id']} by {row['user_id']} at {row['at']}{amounts}"
