"""Import source: a place that is read again and again, each time only what is new there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from training.sources.state import SourceState


class SourcePart(NamedTuple):
    """A file to import.  name: what to call it.  done: to be called once its lines are in the store."""

    path: Path
    name: str
    done: Callable[[], None]


class ImportSource(Protocol):
    """A place that is read again and again.  What is read twice adds nothing, so that a part may come again."""

    @property
    def label(self) -> str:
        """The address without a password."""

    @property
    def identity(self) -> str:
        """The same for the same rows; without a password."""

    def new_parts(self, state: SourceState, spool: Path) -> Iterator[SourcePart]:
        """What is new since `state`, part by part; `done` of a part notes it there.

        spool: an empty folder of this machine for copies.  Raises BadFile, BadInput, BadSettings.
        """
