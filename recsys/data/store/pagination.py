"""Long reads page by page: no transaction stays open between pages, so writers and clean-up never wait for a reader."""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

PAGE_ROWS = 100_000
EventRow = tuple[Any, ...]


def pages(fetch: Callable[[Any], list[EventRow]], after: Any) -> Iterator[list[EventRow]]:
    """Rows page by page; the first column is the key that the next page starts after."""
    while rows := fetch(after):
        yield rows
        after = rows[-1][0]


def event_frame(rows: Sequence[EventRow]) -> "pl.DataFrame":
    """Rows of (seq, *Event) as one frame of EVENT_SCHEMA."""
    import polars as pl  # here, not above: the service reads events and never makes a frame

    from recsys.data.events import EVENT_SCHEMA

    named = enumerate(EVENT_SCHEMA.items(), 1)
    return pl.DataFrame([pl.Series(name, list(map(itemgetter(at), rows)), dtype) for at, (name, dtype) in named])
