"""Rows of one file that count, and the facts about the file: columns, sizes, days, and rows left out by reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import polars as pl

WeightMeaning = Literal["nothing", "ratings", "counts"]
TimeUnit = Literal["moments", "days", "visits"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The facts about one file.  columns: by target; dropped: rows by reason; weight_means: of its weight column.

    first_day, last_day: of the rows that count (UTC); None in a file without times, or where times only count days or
    visits.  doubles: rows that count and are alike to an earlier row in everything that is read.
    """

    path: str
    rows: int
    used: int
    users: int
    items: int
    columns: Mapping[str, str]
    dropped: Mapping[str, int]
    weight_means: WeightMeaning
    first_day: str | None
    last_day: str | None
    times_count: TimeUnit = "moments"
    doubles: int = 0

    def double_notes(self, consequence: str) -> list[str]:
        """The sentence about rows that stand in the file twice; none where there are none."""
        if not self.doubles:
            return []
        rows = "1 row stands" if self.doubles == 1 else f"{self.doubles:,} rows stand"
        return [f"{self.path}: {rows} twice, alike in customer, item and all else that is read; {consequence}."]


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows that count, in the file's order: user_id, item_id, value (null without weights), at_ms, order_id.

    Ids are categories, which take far less memory than texts.
    names: of items, by id, where the file has them.
    """

    frame: pl.DataFrame
    facts: FileFacts
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_times(self) -> bool:
        return "time" in self.facts.columns

    def with_names(self, names: Mapping[str, str]) -> "FileRows":
        """The same with these names of items, which count before those of the file."""
        return replace(self, names={**self.names, **names})

    def without(self, frame: pl.DataFrame, reason: str) -> "FileRows":
        """The same with only those rows; the missing ones are counted under that reason."""
        n_gone = self.frame.height - frame.height
        dropped = {**self.facts.dropped, reason: n_gone} if n_gone else self.facts.dropped
        used, users, items = sizes(frame)
        facts = replace(self.facts, dropped=dropped, used=used, users=users, items=items)
        return replace(self, frame=frame, facts=facts)


def sizes(frame: pl.DataFrame) -> tuple[int, int, int]:
    """Rows, users and items."""
    return frame.height, frame["user_id"].n_unique(), frame["item_id"].n_unique()


def first_and_last_day(at_ms: pl.Series) -> tuple[str, str]:
    """The days (UTC) of the first and the last of those moments, Unix milliseconds."""
    at = at_ms.to_numpy()
    first, last = (str(np.datetime64(int(ms), "ms").astype("datetime64[D]")) for ms in (at.min(), at.max()))
    return first, last


def dropped_notes(files: Sequence[FileFacts]) -> list[str]:
    """A sentence for each reason why rows of the files were left out."""
    return [
        f"{facts.path}: {count:,} of {facts.rows:,} rows left out: {reason}."
        for facts in files
        for reason, count in facts.dropped.items()
    ]
