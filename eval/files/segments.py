"""Segments of the customers of a test file, by what the training file knows of them."""

from collections.abc import Iterator

import numpy as np

from eval.files.file_rows import FileFacts
from eval.files.users import FileUsers
from eval.scoring.segments import Segment, count_bands, large_segments
from recsys.arrays import Doubles

ACTIVITY, LAST_VISIT = "By how much they had before", "By when they last came"
RECENT_DAYS, AWAY_DAYS = 28.0, 84.0


def file_segments(users: FileUsers, train: FileFacts, test: FileFacts) -> tuple[list[Segment], int]:
    """The segments that are large enough to be shown, and the number of the others.

    By the number of events before, and where the files are split by time by the days since the last event.
    """
    bands = [Segment(ACTIVITY, f"{name} ({n} rows)", members) for name, n, members in count_bands(users.n_had)]
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
