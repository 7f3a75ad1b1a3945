"""Timestamps of two files: days or visits where they are small numbers, and the kind of split between the files."""

from dataclasses import replace

import numpy as np
import polars as pl

from eval.files.file_rows import FileRows, TimeUnit, first_and_last_day
from recsys.errors import BadInput
from recsys.learning.holdout import SplitKind
from recsys.time_units import DAY_MS

MOST_DAYS = 50_000  # a number below counts days or visits: as seconds all of them would be one day of 1970
VISIT_MS = 7 * DAY_MS  # from one visit to the next, where only their order is known
MOST = 0.8  # share of the customers: where so many are alike, the file was made that way
LEAST_DAYS = 1.0
PART = 1 / 3  # of the time that the training file covers: at most so much is held back


def read_times(train: FileRows, test: FileRows) -> tuple[FileRows, FileRows]:
    """The same rows with times as they are meant; both files are read alike.

    Small whole numbers are days, or count the visits of each customer; then the last visit in the
    training file is at one moment for all customers.
    """
    if not (train.has_times and test.has_times):
        return train, test
    at_ms = pl.concat([train.frame["at_ms"], test.frame["at_ms"]])
    number = (at_ms // 1_000).to_numpy()
    if np.any(at_ms.to_numpy() % 1_000) or number.min() < 0:
        return train, test
    if number.max() < MOST_DAYS:
        return _count_visits(train, test) if _are_visits(train, test) else _count_days(train, test)
    return train, test


def check_order(train: FileRows, test: FileRows) -> None:
    """Raises BadInput where most test rows are earlier than all that was learnt from their customer.

    A customer without training rows counts from the first row of the training file.
    """
    if not (train.has_times and test.has_times):
        return
    first = train.frame.group_by("user_id").agg(pl.col("at_ms").min().alias("first_ms"))
    begin = pl.col("first_ms").fill_null(_span(train)[0])
    n = test.frame.join(first, on="user_id", how="left").filter(pl.col("at_ms") < begin).height
    if n > test.frame.height / 2:
        raise BadInput(
            f"{test.facts.path}: {n:,} of its {test.frame.height:,} rows are earlier than what would be learnt from "
            f"their customer in {train.facts.path}, so every figure would know the future, and no model can be judged; "
            "learn from the earlier rows (--train), and judge by the later ones (--test)"
        )


def detect_split(train: FileRows, test: FileRows) -> SplitKind:
    """Random where test rows are no later than their customer's training rows; else by weeks, or by the next visit."""
    if not (train.has_times and test.has_times):
        return "weeks" if train.has_times else "chance"
    last = train.frame.group_by("user_id").agg(pl.col("at_ms").max().alias("last_ms"))
    known = test.frame.join(last, on="user_id")
    if np.count_nonzero(known["at_ms"].to_numpy() <= known["last_ms"].to_numpy()) > known.height / 2:
        return "chance"
    visits = known.group_by("user_id").agg(pl.col("at_ms").n_unique().alias("n"))["n"].to_numpy()
    return "visit" if len(visits) and np.mean(visits == 1) >= MOST else "weeks"


def validation_days(train: FileRows, test: FileRows, usual: float) -> float:
    """As many days as the test file covers after the training file; `usual` where it does not begin after that file."""
    if not (train.has_times and test.has_times):
        return usual
    first, last = _span(train)
    begins, ends = _span(test)
    if begins < last or ends <= begins:
        return usual
    return max(LEAST_DAYS, min((ends - begins) / DAY_MS, PART * (last - first) / DAY_MS))


def _are_visits(train: FileRows, test: FileRows) -> bool:
    """Whether most customers of both files have the numbers 0, 1, 2, ... or 1, 2, 3, ..., none left out."""
    both = pl.concat([rows.frame.select("user_id", "at_ms") for rows in (train, test)])
    at = pl.col("at_ms") // 1_000
    each = both.group_by("user_id").agg(
        ((at.max() - at.min() + 1 == at.n_unique()) & (at.min() <= 1)).alias("is_counted"),
        (at.max() >= 1).alias("is_more_than_one"),
    )
    is_counted = each.filter("is_more_than_one")["is_counted"]
    return bool(len(is_counted) and is_counted.mean() >= MOST)  # type: ignore[operator]


def _count_days(train: FileRows, test: FileRows) -> tuple[FileRows, FileRows]:
    days = [_with_times(rows, rows.frame["at_ms"] // 1_000 * DAY_MS, "days") for rows in (train, test)]
    return days[0], days[1]


def _count_visits(train: FileRows, test: FileRows) -> tuple[FileRows, FileRows]:
    """Counted back from each customer's last visit in the training file, which is at one moment for all."""
    last = train.frame.group_by("user_id").agg(pl.col("at_ms").max().alias("last_ms"))
    longest = int(train.frame["at_ms"].to_numpy().max())
    timed = []
    for rows in (train, test):
        joined = rows.frame.join(last, on="user_id", how="left", maintain_order="left")
        ago = (joined["last_ms"].fill_null(-1_000) - joined["at_ms"]) // 1_000
        timed.append(_with_times(rows, (longest // 1_000 - ago) * VISIT_MS, "visits"))
    return timed[0], timed[1]


def _with_times(rows: FileRows, at_ms: pl.Series, unit: TimeUnit = "moments") -> FileRows:
    """The same rows at those times, without dates where only days or visits are counted."""
    first, last = first_and_last_day(at_ms) if unit == "moments" else (None, None)
    facts = replace(rows.facts, first_day=first, last_day=last, times_count=unit)
    return FileRows(rows.frame.with_columns(at_ms.alias("at_ms")), facts)


def _span(rows: FileRows) -> tuple[int, int]:
    values = rows.frame["at_ms"].to_numpy()
    return int(values.min()), int(values.max())
