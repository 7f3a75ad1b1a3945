"""Ground truth of predicted ratings: the ratings of the test file, what the training file knows, and segments."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from eval.files.file_rows import FileRows
from eval.scoring.segments import Segment, count_bands, large_segments
from recsys.arrays import Doubles, Ints, Longs
from recsys.data.dataset.ratings import Ratings
from recsys.data.ids import MISSING, IdMap
from recsys.errors import NotEnoughData


@dataclass(frozen=True, slots=True)
class Truth:
    """N ratings of the test file.  user (N,): the number of the customer among those of the test file.

    known_user (N,): position in the training file, MISSING for a stranger.  item (N,): the same; an unknown item has
    the number after the last.  n_of_user, n_of_item (N,): how many ratings the training file has of each.
    """

    frame: pl.DataFrame
    user: Longs
    known_user: Ints
    item: Ints
    value: Doubles
    n_of_user: Longs
    n_of_item: Longs

    @property
    def n_customers(self) -> int:
        """How many customers gave the ratings."""
        return int(self.user.max()) + 1


def build_truth(rows: FileRows, users: IdMap, items: IdMap, ratings: Ratings) -> Truth:
    """From the rows of the test file.  Raises NotEnoughData where there are none."""
    if rows.frame.is_empty():
        raise NotEnoughData(f"{rows.facts.path}: no rating to judge by")
    item, known_user = id_positions(rows.frame["item_id"], items), id_positions(rows.frame["user_id"], users)
    # One more count at the end, where MISSING points to: nothing is known of strangers.
    of_user, of_item = (
        np.bincount(at, minlength=n + 1) for at, n in ((ratings.user, len(users)), (ratings.item, len(items)))
    )
    return Truth(
        frame=rows.frame,
        user=rows.frame["user_id"].rank("dense").to_numpy().astype(np.int64) - 1,
        known_user=known_user,
        item=np.where(item == MISSING, len(items), item).astype(np.int32),
        value=rows.frame["value"].to_numpy().astype(np.float64),
        n_of_user=of_user[known_user].astype(np.int64),
        n_of_item=of_item[item].astype(np.int64),
    )


def id_positions(column: pl.Series, ids: IdMap) -> Ints:
    """Position of every id, MISSING for one that is not in the map.  (N,)"""
    known = column.unique()
    at = ids.positions(known.to_list())
    return column.replace_strict(known, at, return_dtype=pl.Int32).to_numpy()


MOST_VALUES = 10  # a scale with more values is split into as many ranges


def rating_segments(truth: Truth) -> tuple[list[Segment], int]:
    """The segments with enough customers to be shown, and the number of the others."""
    segments = [
        *_by_count("By how many ratings the customer had given", truth.n_of_user),
        *_by_count("By how many ratings the item had", truth.n_of_item),
        *_by_value(truth.value),
    ]
    return large_segments(segments, lambda members: len(np.unique(truth.user[members])))


def _by_count(family: str, count: Longs) -> Iterator[Segment]:
    yield Segment(family, "New to the file", count == 0)
    yield from (Segment(family, counts, members) for _, counts, members in count_bands(count))


def _by_value(value: Doubles) -> Iterator[Segment]:
    """A segment for each rating value, or for ranges of values where there are many."""
    values = np.unique(value)
    for part in np.array_split(values, min(len(values), MOST_VALUES)):
        title = f"{part[0]:g}" if len(part) == 1 else f"{part[0]:g} to {part[-1]:g}"
        yield Segment("By what the customer then gave", title, (value >= part[0]) & (value <= part[-1]))
