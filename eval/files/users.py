"""Users of a test file: the items held back, what the training file knows of each user, and segments by it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from eval.files.file_rows import FileFacts, FileRows
from eval.metrics.held_back import HeldBack, build_held_back
from eval.scoring.segments import Segment, count_bands, large_segments
from recsys.arrays import Bools, Doubles, Longs
from recsys.data.ids import MISSING
from recsys.ranking.recommender import Recommender


@dataclass(frozen=True, slots=True)
class FileUsers:
    """Q customers of the test file with the T items held back.

    is_known, n_train_events, last_at (Q,): whether the training file has the customer, how many of their events, and
    the time of the last one in days (NaN for unknown customers).  is_new (T,): held-back items that are new to the
    customer.
    """

    user_ids: Sequence[str]
    held_back: HeldBack
    is_known: Bools
    n_train_events: Longs
    last_at: Doubles
    is_new: Bools
    n_unknown_items: int


def build_users(test: FileRows, recommender: Recommender) -> FileUsers:
    """The customers of those test rows, beside what the recommender learnt from the training file."""
    user_ids = sorted(test.frame["user_id"].unique().to_list(), key=str.encode)
    held_back = _held_back(test, user_ids, recommender)
    everybody, position = recommender.engine.histories, recommender.engine.users.positions(user_ids)
    is_known = position != MISSING
    had = everybody.take(position[is_known])
    n_train_events, last_at = np.zeros(len(position), np.int64), np.full(len(position), -np.inf)
    n_train_events[is_known] = np.diff(had.offsets)
    customer = np.repeat(np.arange(len(position)), n_train_events)
    np.maximum.at(last_at, customer, had.at)
    last_at[n_train_events == 0] = np.nan
    return FileUsers(
        user_ids=user_ids,
        held_back=held_back,
        is_known=is_known,
        n_train_events=n_train_events,
        last_at=last_at,
        is_new=held_back.not_among(customer, had.item),
        n_unknown_items=int(np.count_nonzero(held_back.item >= recommender.catalogue.n_items)),
    )


def _held_back(test: FileRows, user_ids: Sequence[str], recommender: Recommender) -> HeldBack:
    catalogue = recommender.catalogue
    item_ids = sorted(test.frame["item_id"].unique().to_list(), key=str.encode)
    known = catalogue.ids.positions(item_ids)
    # An item that the training file lacks gets a number that no model can recommend: it counts as missed.
    item = np.where(known == MISSING, catalogue.n_items + np.arange(len(known)), known).astype(np.int32)
    rows = test.frame.select(
        pl.col("user_id").cast(pl.String).replace_strict(user_ids, range(len(user_ids)), return_dtype=pl.Int32),
        pl.col("item_id").cast(pl.String).replace_strict(item_ids, item, return_dtype=pl.Int32),
    )
    no_money = np.zeros(rows.height)
    return build_held_back(rows["user_id"].to_numpy(), rows["item_id"].to_numpy(), no_money, n_customers=len(user_ids))


ACTIVITY, LAST_VISIT = "By how much they had before", "By when they last came"
RECENT_DAYS, AWAY_DAYS = 28.0, 84.0


def file_segments(users: FileUsers, train: FileFacts, test: FileFacts) -> tuple[list[Segment], int]:
    """The segments that are large enough to be shown, and the number of the others.

    By the number of events before, and where the files are split by time by the days since the last event.
    """
    bands = [Segment(ACTIVITY, f"{name} ({n} rows)", members) for name, n, members in count_bands(users.n_train_events)]
    segments = [Segment(ACTIVITY, "New to the file", ~users.is_known), *bands]
    if is_later(train, test) and len(np.unique(users.last_at[users.is_known])) > 1:
        segments += _by_last_visit(users.last_at)
    return large_segments(segments, np.count_nonzero)


def is_later(train: FileFacts, test: FileFacts) -> bool:
    """Whether the test file begins where the training file ends, so that days since the last visit mean something."""
    last, first = train.last_day, test.first_day
    return last is not None and first is not None and first >= last


def _by_last_visit(last_at: Doubles) -> Iterator[Segment]:
    ago = np.nanmax(last_at) - last_at
    yield Segment(LAST_VISIT, "In the last four weeks", ago <= RECENT_DAYS)
    yield Segment(LAST_VISIT, "Four to twelve weeks ago", (ago > RECENT_DAYS) & (ago <= AWAY_DAYS))
    yield Segment(LAST_VISIT, "Longer ago", ago > AWAY_DAYS)
