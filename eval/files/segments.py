"""Customers of two given files, parted by what the training file tells of them."""

from collections.abc import Iterator

import numpy as np

from eval.files.loader import Facts
from eval.files.users import FileUsers
from eval.protocol import LIGHTEST
from recsys.arrays import Bools, Doubles

RECENT_DAYS, AWAY_DAYS = 28.0, 84.0


def parted(panel: FileUsers, *, is_parted_by_time: bool) -> Iterator[tuple[str, str, Bools]]:
    """Family, title and members (Q,) of each group: by how much they had before, and how long ago they came."""
    for title, members in _by_activity(panel):
        yield "By how much they had before", title, members
    if is_parted_by_time and len(np.unique(panel.last_at[panel.is_known])) > 1:
        for title, members in _by_last_visit(panel.last_at):
            yield "By when they last came", title, members


def is_later(train: Facts, test: Facts) -> bool:
    """Whether the test file begins where the training file ends, so that days since the last visit mean something."""
    last, first = train.last_day, test.first_day
    return last is not None and first is not None and first >= last


def _by_activity(panel: FileUsers) -> Iterator[tuple[str, Bools]]:
    """Those new to the file; the lightest tenth of the others; the rest in three parts of a size.

    Customers with as many events stay together, so that parts may differ in size, or be empty.
    """
    yield "New to the file", ~panel.is_known
    known = panel.n_had[panel.is_known]
    if not len(known):
        return
    ends = [int(np.quantile(known, share, method="higher")) for share in (LIGHTEST, 0.4, 0.7, 1.0)]
    low = 0
    for name, high in zip(("Lightest tenth", "Light", "Medium", "Heavy"), ends, strict=True):
        if high > low:
            yield f"{name} ({_range(low + 1, high)})", panel.is_known & (panel.n_had > low) & (panel.n_had <= high)
        low = max(low, high)


def _range(low: int, high: int) -> str:
    return f"{low:,} rows" if low == high else f"{low:,} to {high:,} rows"


def _by_last_visit(last_at: Doubles) -> Iterator[tuple[str, Bools]]:
    ago = np.nanmax(last_at) - last_at
    yield "In the last four weeks", ago <= RECENT_DAYS
    yield "Four to twelve weeks ago", (ago > RECENT_DAYS) & (ago <= AWAY_DAYS)
    yield "Longer ago", ago > AWAY_DAYS
