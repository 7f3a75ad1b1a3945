"""Timestamps of two files: days or visits where they are small numbers, and the kind of split between the files."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

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
FEWEST_ROWS = 50  # that may lie within one day without a word
Parting = Literal["time", "visit", "random"]  # how a user says that two files were split
SPLITS: Final[Mapping[Parting, SplitKind]] = {"time": "weeks", "visit": "visit", "random": "chance"}
PART = 1 / 3  # of the time that the training file covers: at most so much is held back


def read_times(train: FileRows, test: FileRows, parting: Parting | None = None) -> tuple[FileRows, FileRows]:
    """The same rows with times as they are meant; both files are read alike.

    Small whole numbers are days, or count the visits of each customer; then the last visit in the
    training file is at one moment for all customers.  The training file alone tells which of both where the test file
    has no times, or begins its own count.  parting: how the files were split, where the user says so.
    """
    if not train.has_times:
        return train, test
    timed = [rows.frame["at_ms"] for rows in (train, test) if rows.has_times]
    at_ms = pl.concat(timed)
    number = (at_ms // 1_000).to_numpy()
    if np.any(at_ms.to_numpy() % 1_000) or number.min() < 0 or number.max() >= MOST_DAYS:
        return train, test
    are_visits = _are_visits(train, test) or _are_visits(train) or parting == "visit"
    return _count_visits(train, test) if are_visits else _count_days(train, test)


def doubtful_times(rows: FileRows) -> str | None:
    """Why the times of a file may not mean what they were taken for; None where nothing speaks against it."""
    if not rows.has_times or rows.facts.times_count != "moments" or rows.frame.height < FEWEST_ROWS:
        return None
    first, last = _span(rows)
    if last - first >= DAY_MS:
        return None
    return (
        f"All times of {rows.facts.path} lie within one day ({rows.facts.first_day}): a log of one day, or no "
        "times at all; if they count days, write whole numbers below 50,000, if visits, add --parting visit"
    )


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


def detect_split(train: FileRows, test: FileRows, parting: Parting | None = None) -> SplitKind:
    """Random where test rows are no later than their customer's training rows; else by weeks, or by the next visit.

    A test file without times is the next visit where the training file counts visits.  parting: what the user says.
    """
    if parting is not None:
        return SPLITS[parting]
    if not train.has_times:
        return "chance"
    if not test.has_times:
        return "visit" if train.facts.times_count == "visits" else "weeks"
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


def _are_visits(*files: FileRows) -> bool:
    """Whether most customers of these files have the numbers 0, 1, 2, ... or 1, 2, 3, ..., none left out."""
    both = pl.concat([rows.frame.select("user_id", "at_ms") for rows in files if rows.has_times])
    at = pl.col("at_ms") // 1_000
    each = both.group_by("user_id").agg(
        ((at.max() - at.min() + 1 == at.n_unique()) & (at.min() <= 1)).alias("is_counted"),
        (at.max() >= 1).alias("is_more_than_one"),
    )
    is_counted = each.filter("is_more_than_one")["is_counted"]
    return bool(len(is_counted) and is_counted.mean() >= MOST)  # type: ignore[operator]


def _count_days(train: FileRows, test: FileRows) -> tuple[FileRows, FileRows]:
    days = [
        _with_times(rows, rows.frame["at_ms"] // 1_000 * DAY_MS, "days") if rows.has_times else rows
        for rows in (train, test)
    ]
    return days[0], days[1]


def _count_visits(train: FileRows, test: FileRows) -> tuple[FileRows, FileRows]:
    """Counted back from each customer's last visit in the training file, which is at one moment for all."""
    last = train.frame.group_by("user_id").agg(pl.col("at_ms").max().alias("last_ms"))
    longest = int(train.frame["at_ms"].to_numpy().max())
    timed = []
    for rows in (train, test):
        if not rows.has_times:
            timed.append(rows)
            continue
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
