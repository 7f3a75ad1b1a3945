"""Segments of the customers of a test file, by what the training file knows of them."""

from collections.abc import Iterator

import numpy as np

from eval.files.file_rows import FileFacts
from eval.files.users import FileUsers
from eval.scoring.bands import count_bands, count_range
from recsys.arrays import Bools, Doubles

RECENT_DAYS, AWAY_DAYS = 28.0, 84.0

FileSegment = tuple[str, str, Bools]  # family, title, members (Q,)


def file_segments(users: FileUsers, *, is_split_by_time: bool) -> Iterator[FileSegment]:
    """By the number of events before, and where the files are split by time by the days since the last event."""
    yield "By how much they had before", "New to the file", ~users.is_known
    # A known customer has at least one event.
    for name, low, high, members in count_bands(users.n_had):
        title = f"{name} ({count_range(low, high)} rows)"
        yield "By how much they had before", title, members
    if is_split_by_time and len(np.unique(users.last_at[users.is_known])) > 1:
        for title, members in _by_last_visit(users.last_at):
            yield "By when they last came", title, members


def is_later(train: FileFacts, test: FileFacts) -> bool:
    """Whether the test file begins where the training file ends, so that days since the last visit mean something."""
    last, first = train.last_day, test.first_day
    return last is not None and first is not None and first >= last


def _by_last_visit(last_at: Doubles) -> Iterator[tuple[str, Bools]]:
    ago = np.nanmax(last_at) - last_at
    yield "In the last four weeks", ago <= RECENT_DAYS
    yield "Four to twelve weeks ago", (ago > RECENT_DAYS) & (ago <= AWAY_DAYS)
    yield "Longer ago", ago > AWAY_DAYS
